/// A regular expression compiled once into a table, which is then asked at one look-up a byte.
///
/// The dialect is what CRDs use: literals, classes, groups, alternatives, `? * + {m,n}`, and the anchors. Like
/// `pattern` in a schema it is searched for anywhere in a text unless it is anchored. No text makes it slow.
public struct Pattern: Sendable, Hashable, CustomStringConvertible {
  struct Table: Sendable, Hashable {
    /// The class of each ASCII character, and last that of all others.
    var classes: [UInt8]
    var classCount: Int
    /// The next state by state and class.
    var next: [UInt16] = []
    /// Whether a match has been found, whatever follows.
    var isMatch: [Bool] = []
    /// Whether there is a match if the text ends here.
    var isMatchAtEnd: [Bool] = []
    var matchesEmpty = false
  }

  /// As it was written.
  public let description: String
  private let table: Table

  /// - Throws: `PatternError` for a pattern that is malformed, or uses what the dialect lacks.
  public init(_ pattern: String) throws(PatternError) {
    var parser = PatternParser(pattern)
    table = try PatternMachine(try parser.parse(), pattern: pattern).table()
    description = pattern
  }

  /// Whether the text holds a match.
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
