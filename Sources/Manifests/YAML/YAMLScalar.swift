import Values

/// Resolves an unquoted YAML scalar by the rules of YAML 1.1 as `kubectl` reads it, so that both read a file the same
/// way.
///
/// The rules are those of `goyaml.v2/resolve.go` in sigs.k8s.io/yaml. Dates stay strings, base-60 numbers do not
/// exist, and digits may be grouped with underscores.
enum YAMLScalar {
  /// The value of a plain scalar. `.inf` and `.nan` become doubles, which JSON cannot express.
  static func value(_ bytes: UnsafeBufferPointer<UInt8>) -> JSON {
    guard let first = bytes.first else { return .null }
    switch first {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
      if let number = number(bytes) { return number }
    case UInt8(ascii: "."):
      if let value = notFinite(bytes[...]) ?? float(Array(bytes)) { return .number(value) }
    case UInt8(ascii: "y"), UInt8(ascii: "Y"), UInt8(ascii: "n"), UInt8(ascii: "N"), UInt8(ascii: "t"),
      UInt8(ascii: "T"), UInt8(ascii: "f"), UInt8(ascii: "F"), UInt8(ascii: "o"), UInt8(ascii: "O"),
      UInt8(ascii: "~"):
      if let value = word(bytes) { return value }
    default: break
    }
    return .string(String(decoding: bytes, as: UTF8.self))
  }

  private static func word(_ bytes: UnsafeBufferPointer<UInt8>) -> JSON? {
    switch bytes.count {
    case 1 where bytes[0] == UInt8(ascii: "~"): .null
    case 1: spells("y", bytes) ? .bool(true) : spells("n", bytes) ? .bool(false) : nil
    case 2: spells("on", bytes) ? .bool(true) : spells("no", bytes) ? .bool(false) : nil
    case 3: spells("yes", bytes) ? .bool(true) : spells("off", bytes) ? .bool(false) : nil
    case 4: spells("true", bytes) ? .bool(true) : spells("null", bytes) ? .null : nil
    case 5: spells("false", bytes) ? .bool(false) : nil
    default: nil
    }
  }

  /// Whether the bytes are the word in lower case, in upper case, or capitalized.
  private static func spells(_ word: StaticString, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let letters = word.utf8Start
    for index in bytes.indices where bytes[index] | 0x20 != letters[index] { return false }
    let capitals = bytes.count { $0 & 0x20 == 0 }
    return capitals == 0 || capitals == bytes.count || (capitals == 1 && bytes[0] & 0x20 == 0)
  }

  // MARK: Numbers

  private static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> JSON? {
    if bytes.count <= 18, let value = smallDecimal(bytes) { return .integer(value) }
    // Most scalars that begin with a digit are not numbers (`2.4.5`, `10Gi`, `3-node`), so check before copying.
    guard bytes.allSatisfy(isNumberByte) else { return nil }
    let digits = bytes.filter { $0 != UInt8(ascii: "_") }
    if let whole = whole(digits[...]) { return whole }
    if let value = notFinite(digits.dropFirst()) {
      return .number(digits.first == UInt8(ascii: "-") ? -value : value)
    }
    return float(digits).map { .number($0) }
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"),
      UInt8(ascii: "-"):
      true
    // The letters of 0x, 0o and .inf.
    case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "o"), UInt8(ascii: "O"), UInt8(ascii: "i"),
      UInt8(ascii: "I"), UInt8(ascii: "n"), UInt8(ascii: "N"):
      true
    default: false
    }
  }

  private static func smallDecimal(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
    if bytes[0] == UInt8(ascii: "0"), bytes.count > 1 { return nil }
    var value: Int64 = 0
    for byte in bytes {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value * 10 + Int64(digit)
    }
    return value
  }

  /// An integer to the base 10, or to 16, 8 or 2 by its prefix; beyond 64 bits a double, unless the base is 10.
  private static func whole(_ text: ArraySlice<UInt8>) -> JSON? {
    var digits = text
    var isNegative = false
    if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      digits = digits.dropFirst()
    }
    var base: UInt8 = 10
    if digits.first == UInt8(ascii: "0"), digits.count > 1 {
      let letter = digits[digits.startIndex + 1] | 0x20
      switch letter {
      case UInt8(ascii: "x"): base = 16
      case UInt8(ascii: "b"): base = 2
      default: base = 8
      }
      digits = digits.dropFirst("xob".utf8.contains(letter) ? 2 : 1)
    }
    guard !digits.isEmpty else { return nil }
    var exact: Int64? = 0
    var nearest = 0.0
    for byte in digits {
      guard let digit = hexDigit(byte), digit < base else { return nil }
      nearest = nearest * Double(base) + Double(digit)
      if let value = exact {
        let (product, overflow) = value.multipliedReportingOverflow(by: Int64(base))
        // Accumulates downwards if negative, because the range of Int64 is one larger there.
        let (sum, carry) =
          isNegative
          ? product.subtractingReportingOverflow(Int64(digit)) : product.addingReportingOverflow(Int64(digit))
        exact = overflow || carry ? nil : sum
      }
    }
    if let exact { return .integer(exact) }
    if base == 10 { return nil }  // the parser of doubles rounds once, instead of per digit here
    return nearest.isFinite ? .number(isNegative ? -nearest : nearest) : nil
  }

  /// Parses `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`; nil if the text does not match or exceeds the range
  /// of a double.
  private static func float(_ text: [UInt8]) -> Double? {
    var index = 0
    func digits() -> Int {
      let start = index
      while index < text.count, isDigit(text[index]) { index += 1 }
      return index - start
    }
    func take(_ letters: UInt8...) -> Bool {
      guard index < text.count, letters.contains(text[index]) else { return false }
      index += 1
      return true
    }
    let isNegative = text.first == UInt8(ascii: "-")
    _ = take(UInt8(ascii: "+"), UInt8(ascii: "-"))
    let before = digits()
    let hasPoint = take(UInt8(ascii: "."))
    let after = hasPoint ? digits() : 0
    guard before > 0 || after > 0 else { return nil }
    let mantissaEnd = index
    if take(UInt8(ascii: "e"), UInt8(ascii: "E")) {
      _ = take(UInt8(ascii: "+"), UInt8(ascii: "-"))
      guard digits() > 0 else { return nil }
    }
    guard index == text.count else { return nil }
    // With a digit on each side of the point, so that all parsers of doubles agree on it.
    let sign = isNegative || text.first == UInt8(ascii: "+") ? 1 : 0
    let mantissa = String(decoding: text[sign..<mantissaEnd], as: UTF8.self)
    let exponent = String(decoding: text[mantissaEnd...], as: UTF8.self)
    let whole = (before > 0 ? "" : "0") + mantissa + (hasPoint && after == 0 ? "0" : "")
    guard let value = Double(whole + exponent), value.isFinite else { return nil }
    return isNegative ? -value : value
  }

  private static func notFinite(_ text: some Collection<UInt8>) -> Double? {
    guard text.count == 4 else { return nil }
    return switch String(decoding: text, as: UTF8.self) {
    case ".inf", ".Inf", ".INF": .infinity
    case ".nan", ".NaN", ".NAN": .nan
    default: nil
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte - UInt8(ascii: "0") }
    let letter = (byte | 0x20) &- UInt8(ascii: "a")
    return letter < 6 ? letter + 10 : nil
  }
}
