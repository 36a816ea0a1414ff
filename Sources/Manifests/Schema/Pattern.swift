/// A regular expression compiled to a table, with one look-up per byte.
///
/// The dialect is the one that CRDs use: literals, classes, groups, alternatives, `? * + {m,n}`, and the anchors. Like
/// `pattern` in a schema, it matches anywhere in a text unless it is anchored. Matching time is linear for every text.
public struct Pattern: Sendable, Hashable, CustomStringConvertible {
  struct Table: Sendable, Hashable {
    /// The class of each ASCII character, and last the class of all others.
    var classes: [UInt8]
    var classCount: Int
    /// The next state, by state and class.
    var next: [UInt16] = []
    /// Whether a match has been found, whatever follows.
    var isMatch: [Bool] = []
    /// Whether there is a match if the text ends here.
    var isMatchAtEnd: [Bool] = []
    var matchesEmpty = false
  }

  /// The original pattern.
  public let description: String
  private let table: Table

  /// - Throws: `PatternError` for a pattern that is malformed or uses a feature outside the dialect.
  public init(_ pattern: String) throws(PatternError) {
    var parser = PatternParser(pattern)
    table = try PatternMachine(try parser.parse(), pattern: pattern).table()
    description = pattern
  }

  /// Whether the text contains a match.
  public func matches(_ text: String) -> Bool {
    if text.isEmpty { return table.matchesEmpty }
    var text = text
    return text.withUTF8 { bytes in
      var state = 0
      if table.isMatch[0] { return true }
      for byte in bytes where byte & 0xC0 != 0x80 {
        let symbolClass = Int(table.classes[Int(min(byte, CharacterClass.other))])
        state = Int(table.next[state * table.classCount + symbolClass])
        if table.isMatch[state] { return true }
      }
      return table.isMatchAtEnd[state]
    }
  }
}
