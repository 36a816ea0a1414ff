import ClusterAPI

/// One part of a label selector, such as `tier in (web, db)`.
struct LabelRequirement: Sendable, Hashable {
  var key: String
  var condition: Condition

  enum Condition: Sendable, Hashable {
    case isIn([String])
    case isNotIn([String])
    case exists
    case doesNotExist
  }

  func matches(_ labels: [String: String]) -> Bool {
    switch condition {
    case .isIn(let values): labels[key].map { values.contains($0) } ?? false
    // As in Kubernetes, an object without the label is not in the set.
    case .isNotIn(let values): labels[key].map { !values.contains($0) } ?? true
    case .exists: labels[key] != nil
    case .doesNotExist: labels[key] == nil
    }
  }

  /// Parses a selector.
  /// - Throws: an error that says which part is malformed.
  static func parse(_ text: String) throws(APIFailure) -> [LabelRequirement] {
    var found: [LabelRequirement] = []
    for part in split(text) {
      let word = trimmed(part[...])
      if !word.isEmpty { found.append(try requirement(word)) }
    }
    return found
  }

  /// The part of the selector that the store can evaluate.
  static func indexed(_ requirements: [LabelRequirement]) -> LabelSelector {
    var selector = LabelSelector.everything
    for requirement in requirements {
      switch requirement.condition {
      case .isIn(let values) where values.count == 1 && selector.equals[requirement.key] == nil:
        selector.equals[requirement.key] = values[0]
      case .exists: selector.exists.append(requirement.key)
      default: break
      }
    }
    return selector
  }

  private static func requirement(_ part: String) throws(APIFailure) -> LabelRequirement {
    for (symbol, isEqual) in [("!=", false), ("==", true), ("=", true)] {
      guard let range = firstRange(of: symbol, in: part) else { continue }
      let key = trimmed(part[..<range.lowerBound])
      let value = trimmed(part[range.upperBound...])
      return LabelRequirement(
        key: try checked(key, part), condition: isEqual ? .isIn([value]) : .isNotIn([value]))
    }
    if part.hasPrefix("!") {
      return LabelRequirement(
        key: try checked(trimmed(part.dropFirst()), part), condition: .doesNotExist)
    }
    let words = part.split(whereSeparator: \.isWhitespace)
    if words.count == 1 {
      return LabelRequirement(key: try checked(part, part), condition: .exists)
    }
    guard words.count >= 2, let open = part.firstIndex(of: "("), part.last == ")" else {
      throw malformed(part)
    }
    let values = part[part.index(after: open)...].dropLast().split(
      separator: ",", omittingEmptySubsequences: false
    ).map { trimmed($0) }
    // The parenthesis may follow the operator without a blank.
    let operation = trimmed(part[..<open].dropFirst(words[0].count))
    let key = String(words[0])
    switch operation {
    case "in": return LabelRequirement(key: key, condition: .isIn(values))
    case "notin": return LabelRequirement(key: key, condition: .isNotIn(values))
    default: throw malformed(part)
    }
  }

  /// Splits at commas that are not within parentheses.
  private static func split(_ text: String) -> [String] {
    var parts = [""]
    var depth = 0
    for character in text {
      switch character {
      case "(": depth += 1
      case ")": depth -= 1
      default: break
      }
      if character == ",", depth == 0 {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts
  }

  private static func checked(_ key: String, _ part: String) throws(APIFailure) -> String {
    guard !key.isEmpty, !key.contains(where: { $0.isWhitespace || "()!=,".contains($0) }) else {
      throw malformed(part)
    }
    return key
  }

  private static func malformed(_ part: String) -> APIFailure {
    .badRequest("unable to parse the label selector at \"\(part)\"")
  }

  private static func firstRange(of symbol: String, in text: String) -> Range<String.Index>? {
    var start = text.startIndex
    while start < text.endIndex {
      if text[start...].hasPrefix(symbol) { return start..<text.index(start, offsetBy: symbol.count) }
      start = text.index(after: start)
    }
    return nil
  }
}

/// A text without white space at both ends.
func trimmed(_ text: Substring) -> String {
  guard let first = text.firstIndex(where: { !$0.isWhitespace }),
    let last = text.lastIndex(where: { !$0.isWhitespace })
  else { return "" }
  return String(text[first...last])
}
