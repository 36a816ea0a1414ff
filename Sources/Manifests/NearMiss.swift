/// Suggests the candidate that a misspelled word most likely stands for.
public enum NearMiss {
  /// The candidate closest to a word, if it is close enough to be a typing error; nil if the word is itself a
  /// candidate. Ignores letter case.
  public static func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
    let written = Array(word.lowercased().utf8.prefix(64))
    let allowed = max(1, min(3, written.count / 3))
    var best: (distance: Int, word: String)?
    for candidate in candidates where candidate != word {
      let letters = Array(candidate.lowercased().utf8.prefix(64))
      guard abs(letters.count - written.count) <= allowed else { continue }
      let found = distance(written, letters)
      // On a tie the first word in alphabetical order is used, so that messages are stable.
      if found <= allowed, best.map({ (found, candidate) < ($0.distance, $0.word) }) ?? true {
        best = (found, candidate)
      }
    }
    return best?.word
  }

  /// The number of letters to insert, delete, replace, or swap with their neighbour.
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var earlier: [Int] = []
    var previous = Array(0...right.count)
    for (row, letter) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        var cost = min(
          previous[column + 1] + 1, current[column] + 1, previous[column] + (letter == other ? 0 : 1))
        if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
          cost = min(cost, earlier[column - 1] + 1)
        }
        current.append(cost)
      }
      (earlier, previous) = (previous, current)
    }
    return previous[right.count]
  }
}
