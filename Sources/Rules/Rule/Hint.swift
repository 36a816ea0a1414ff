import KubeDirector

/// Common parts of hints.
enum Hint {
  /// A hint that names the nearest choice, or all choices, or the alternative if there are no choices.
  static func oneOf(_ choices: [String], insteadOf given: String, or otherwise: String) -> String {
    if let near = nearest(to: given, among: choices) {
      return "did you mean `\(near)`? Otherwise \(otherwise)"
    }
    if choices.isEmpty || choices.count > 12 { return otherwise }
    return "use one of \(choices.joined(separator: ", ")), or \(otherwise)"
  }

  /// Longer lists are not searched, because there may be a finding for each choice.
  private static let searchLimit = 64

  /// The choice that differs by one or two typing errors.
  private static func nearest(to given: String, among choices: [String]) -> String? {
    let limit = given.utf8.count < 5 ? 1 : 2
    let letters = Array(given.utf8.prefix(65))
    guard choices.count <= searchLimit else { return nil }
    return choices.compactMap { choice -> (String, Int)? in
      let distance = distance(letters, Array(choice.utf8.prefix(65)), upTo: limit)
      return distance <= limit && distance > 0 ? (choice, distance) : nil
    }
    .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  /// The number of letters to insert, delete or replace; more than `limit` if the distance is greater than that.
  private static func distance(_ a: [UInt8], _ b: [UInt8], upTo limit: Int) -> Int {
    guard a.count <= 64, b.count <= 64, abs(a.count - b.count) <= limit else { return .max }
    // Only cells near the diagonal can still end within the limit.
    let far = limit + 1
    var row = (0...b.count).map { min($0, far) }
    for (i, left) in a.enumerated() {
      let columns = max(0, i - limit)..<min(b.count, i + limit + 1)
      var diagonal = row[columns.lowerBound]
      row[columns.lowerBound] = columns.lowerBound == 0 ? min(i + 1, far) : far
      for j in columns {
        let above = j + 1 <= i + limit ? row[j + 1] : far
        row[j + 1] = left == b[j] ? diagonal : min(diagonal, above, row[j], far - 1) + 1
        diagonal = above
      }
    }
    return row[b.count]
  }

  /// `a, b and 3 more`.
  static func list(_ items: [String], limit: Int = 3) -> String {
    if items.count <= limit { return items.joined(separator: ", ") }
    return items.prefix(limit).joined(separator: ", ") + " and \(items.count - limit) more"
  }
}

/// Finds duplicates in a list.
enum Repetition {
  /// The positions of all equal items except the first. Short lists, the common case, need no set.
  static func indices(in items: [String]) -> [Int] {
    if items.count < 2 { return [] }
    if items.count <= 16 {
      var found: [Int] = []
      for index in 1..<items.count where items[..<index].contains(items[index]) { found.append(index) }
      return found
    }
    var seen: Set<String> = []
    return items.indices.filter { !seen.insert(items[$0]).inserted }
  }
}

/// Hints for a version that is not a semantic version.
enum SemverAdvice {
  static func hint(for version: String) -> String {
    var parts = version.hasPrefix("v") ? String(version.dropFirst()) : version
    while parts.split(separator: ".", omittingEmptySubsequences: false).count < 3 { parts += ".0" }
    return SemanticVersion(parts) != nil
      ? "write it as `\(parts)`" : "write it as MAJOR.MINOR.PATCH, such as `1.0.0` (see semver.org)"
  }
}

extension Repetition {
  /// The positions of repeated items, as `indices(in:)`, for items that are identified by one of their members.
  static func indices<Item>(in items: [Item], by id: (Item) -> String) -> [Int] {
    if items.count < 2 { return [] }
    if items.count > 16 { return indices(in: items.map(id)) }
    var found: [Int] = []
    for index in 1..<items.count {
      let one = id(items[index])
      if items[..<index].contains(where: { id($0) == one }) { found.append(index) }
    }
    return found
  }
}
