/// Parses the regular expressions that CRDs use. The error for an unsupported feature names the feature.
struct PatternParser {
  /// The maximum of `{n}`, because the size of the automaton grows with it.
  private static let repetitionLimit = 1_000
  private static let depthLimit = 50

  private let pattern: String
  private let text: [Unicode.Scalar]
  private var position = 0
  private var depth = 0

  init(_ pattern: String) {
    self.pattern = pattern
    text = Array(pattern.unicodeScalars)
  }

  mutating func parse() throws(PatternError) -> PatternSyntax {
    let syntax = try alternatives()
    guard position == text.count else { throw failure("a closing parenthesis has no opening one") }
    return syntax
  }

  private mutating func alternatives() throws(PatternError) -> PatternSyntax {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw failure("groups are nested too deeply") }
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws(PatternError) -> PatternSyntax {
    var parts: [PatternSyntax] = []
    while let next = peek, next != "|", next != ")" { parts.append(try repeated(try atom())) }
    return .sequence(parts)
  }

  private mutating func atom() throws(PatternError) -> PatternSyntax {
    guard let scalar = advance() else { throw failure("it ends too early") }
    switch scalar {
    case "^": return .start
    case "$": return .end
    case ".": return .set(.anyButLineFeed)
    case "[": return .set(try characterClass())
    case "(": return try group()
    case "\\": return .set(try escape())
    case "*", "+", "?": throw failure("\(scalar) has nothing to repeat")
    case "{":
      position -= 1
      guard try bounds() == nil else { throw failure("{ has nothing to repeat") }
      position += 1
      return .set(try single(scalar))
    default: return .set(try single(scalar))
    }
  }

  private mutating func group() throws(PatternError) -> PatternSyntax {
    if take("?") {
      guard take(":") else { throw failure("only plain groups and (?: are supported") }
    }
    let inside = try alternatives()
    guard take(")") else { throw failure("a parenthesis is not closed") }
    return inside
  }

  // MARK: Repetition

  private mutating func repeated(_ atom: PatternSyntax) throws(PatternError) -> PatternSyntax {
    var syntax = atom
    var isRepeated = false
    while true {
      let range: (minimum: Int, maximum: Int?)
      if take("*") {
        range = (0, nil)
      } else if take("+") {
        range = (1, nil)
      } else if take("?") {
        range = (0, 1)
      } else if let counted = try bounds() {
        range = counted
      } else {
        return syntax
      }
      guard !isRepeated else { throw failure("a repetition is repeated") }
      switch atom {
      case .start, .end: throw failure("an anchor is repeated")
      default: break
      }
      syntax = .repeated(atom, minimum: range.minimum, maximum: range.maximum)
      isRepeated = true
      _ = take("?")  // laziness does not affect whether there is a match
    }
  }

  /// Parses `{n}`, `{n,}` or `{n,m}`; nil, without consuming anything, if the brace is a literal.
  private mutating func bounds() throws(PatternError) -> (Int, Int?)? {
    let start = position
    guard take("{"), let minimum = number() else {
      position = start
      return nil
    }
    var maximum: Int? = minimum
    if take(",") { maximum = number() }
    guard take("}") else {
      position = start
      return nil
    }
    guard minimum <= maximum ?? minimum, max(minimum, maximum ?? 0) <= Self.repetitionLimit else {
      throw failure("a repetition counts backwards, or past \(Self.repetitionLimit)")
    }
    return (minimum, maximum)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let digit = peek, ("0"..."9").contains(digit) {
      position += 1
      value = min((value ?? 0) * 10 + Int(digit.value - 0x30), Self.repetitionLimit + 1)
    }
    return value
  }

  // MARK: Characters

  private mutating func characterClass() throws(PatternError) -> CharacterClass {
    var set = CharacterClass()
    let isInverted = take("^")
    var isFirst = true
    while true {
      guard let scalar = advance() else { throw failure("a bracket is not closed") }
      if scalar == "]", !isFirst { return isInverted ? set.inverted : set }
      if scalar == "[", peek == ":" { throw failure("named classes are not supported") }
      isFirst = false
      if scalar == "\\" {
        let start = position
        let escaped = try escape()
        guard peek == "-", text.indices.contains(position + 1), text[position + 1] != "]" else {
          set = set.union(escaped)
          continue
        }
        set = set.union(try range(from: try literal(at: start)))
      } else if peek == "-", text.indices.contains(position + 1), text[position + 1] != "]" {
        set = set.union(try range(from: scalar))
      } else {
        set = set.union(try single(scalar))
      }
    }
  }

  /// Parses the range whose dash is at the current position.
  private mutating func range(from lower: Unicode.Scalar) throws(PatternError) -> CharacterClass {
    position += 1
    guard var upper = advance() else { throw failure("a bracket is not closed") }
    if upper == "\\" {
      let start = position
      _ = try escape()
      upper = try literal(at: start)
    }
    guard lower.isASCII, upper.isASCII, lower <= upper else {
      throw failure("a range counts backwards, or leaves ASCII")
    }
    return CharacterClass(lower...upper)
  }

  /// The scalar of an escape whose letter is at an index; classes such as `\d` cannot end a range.
  private func literal(at index: Int) throws(PatternError) -> Unicode.Scalar {
    let letter = text[index]
    if let control = Self.controls[letter] { return control }
    guard !letter.properties.isAlphabetic else { throw failure("a class is the end of a range") }
    return letter
  }

  private static let controls: [Unicode.Scalar: Unicode.Scalar] = [
    "n": "\n", "t": "\t", "r": "\r", "f": "\u{C}", "v": "\u{B}",
  ]

  private mutating func escape() throws(PatternError) -> CharacterClass {
    guard let letter = advance() else { throw failure("it ends with a backslash") }
    switch letter {
    case "d": return .digits
    case "D": return CharacterClass.digits.inverted
    case "w": return .wordCharacters
    case "W": return CharacterClass.wordCharacters.inverted
    case "s": return .spaces
    case "S": return CharacterClass.spaces.inverted
    default:
      if let control = Self.controls[letter] { return CharacterClass(control...control) }
      guard letter.isASCII, !letter.properties.isAlphabetic, !("0"..."9").contains(letter) else {
        throw failure("\\\(letter) is not supported")
      }
      return CharacterClass(letter...letter)
    }
  }

  private func single(_ scalar: Unicode.Scalar) throws(PatternError) -> CharacterClass {
    guard scalar.isASCII else { throw failure("characters outside ASCII are not supported") }
    return CharacterClass(scalar...scalar)
  }

  // MARK: Text

  private var peek: Unicode.Scalar? { position < text.count ? text[position] : nil }

  private mutating func advance() -> Unicode.Scalar? {
    guard let scalar = peek else { return nil }
    position += 1
    return scalar
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    position += 1
    return true
  }

  private func failure(_ message: String) -> PatternError { PatternError(pattern: pattern, message: message) }
}
