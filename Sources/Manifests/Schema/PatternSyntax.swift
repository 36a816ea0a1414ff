/// The reason why a pattern cannot be used.
public struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
  public var pattern: String
  public var message: String

  public var description: String { "the pattern \(pattern) cannot be used: \(message)" }
}

/// A parsed regular expression.
indirect enum PatternSyntax {
  /// One character of a set.
  case set(CharacterClass)
  case start
  case end
  case sequence([PatternSyntax])
  case alternatives([PatternSyntax])
  /// A nil `maximum` means no limit.
  case repeated(PatternSyntax, minimum: Int, maximum: Int?)
}

/// A set of characters: any ASCII characters, and all others together.
struct CharacterClass: Equatable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0
  private var others = false

  /// Represents every character outside ASCII; patterns of schemas never distinguish them.
  static let other: UInt8 = 128

  static let digits = CharacterClass("0"..."9")
  static let wordCharacters = digits.union(CharacterClass("a"..."z")).union(CharacterClass("A"..."Z")).union(
    CharacterClass("_"..."_"))
  static let spaces = " \t\n\r\u{C}\u{B}".unicodeScalars.reduce(CharacterClass()) {
    $0.union(CharacterClass($1...$1))
  }
  /// The class for `.`.
  static let anyButLineFeed = CharacterClass("\n"..."\n").inverted

  init() {}

  init(_ range: ClosedRange<Unicode.Scalar>) {
    for value in range.lowerBound.value...range.upperBound.value where value < 128 { insert(UInt8(value)) }
  }

  mutating func insert(_ symbol: UInt8) {
    switch symbol {
    case 0..<64: low |= 1 << symbol
    case 64..<128: high |= 1 << (symbol - 64)
    default: others = true
    }
  }

  func contains(_ symbol: UInt8) -> Bool {
    switch symbol {
    case 0..<64: low & (1 << symbol) != 0
    case 64..<128: high & (1 << (symbol - 64)) != 0
    default: others
    }
  }

  func union(_ other: CharacterClass) -> CharacterClass {
    var both = self
    both.low |= other.low
    both.high |= other.high
    both.others = others || other.others
    return both
  }

  var inverted: CharacterClass {
    var rest = CharacterClass()
    (rest.low, rest.high, rest.others) = (~low, ~high, !others)
    return rest
  }
}
