extension JSONParser {
  // MARK: Strings

  /// Parses the string whose opening quote is at the current position.
  mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    var isASCII = true
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let range = start..<position
        position += 1
        return isASCII ? text(range) : try validated(range)
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw controlCharacter() }
      if byte >= 0x80 { isASCII = false }
      position += 1
    }
    throw failure("the text ends inside a string")
  }

  /// Continues at the first backslash of a string that began at `start`.
  private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
    var text = try validated(start..<position)
    var runStart = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        text += try validated(runStart..<position)
        position += 1
        return text
      case UInt8(ascii: "\\"):
        text += try validated(runStart..<position)
        text.unicodeScalars.append(try escape())
        runStart = position
      case 0..<0x20:
        throw controlCharacter()
      default:
        position += 1
      }
    }
    throw failure("the text ends inside a string")
  }

  private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let start = position
    position += 1
    guard position < bytes.count else { throw failure("the text ends inside a string") }
    let letter = bytes[position]
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "u"): return try unicodeEscape(from: start)
    default:
      position = start
      throw failure("a backslash in a string is followed by none of \" \\ / b f n r t u")
    }
  }

  private mutating func unicodeEscape(from start: Int) throws(JSONSyntaxError) -> Unicode.Scalar {
    let first = try hexUnit(from: start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    let second: UInt32? =
      if first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
        try hexUnit(from: start)
      } else { nil }
    guard let second, (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    else {
      throw JSONSyntaxError(
        kind: .encoding, offset: start,
        message: "a \\u escape is half of a surrogate pair, without the other half"
      )
    }
    return scalar
  }

  private mutating func hexUnit(from start: Int) throws(JSONSyntaxError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Self.hexDigit(bytes[position]) else {
        throw JSONSyntaxError(
          kind: .syntax, offset: start, message: "a \\u escape needs four hexadecimal digits")
      }
      unit = unit << 4 | digit
      position += 1
    }
    return unit
  }

  private static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private func validated(_ range: Range<Int>) throws(JSONSyntaxError) -> String {
    let valid = UTF8Check.validPrefix(
      of: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[range]))
    guard valid == range.count else {
      throw JSONSyntaxError(
        kind: .encoding, offset: range.lowerBound + valid, message: "a string holds bytes that are not UTF-8")
    }
    return text(range)
  }

  /// Decodes bytes that are known to be UTF-8.
  private func text(_ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }

  private func controlCharacter() -> JSONSyntaxError {
    failure("a string holds a control character that is not written as an escape")
  }

  // MARK: Numbers

  /// Parses the number whose first byte is at the current position.
  mutating func number() throws(JSONSyntaxError) -> JSON {
    let start = position
    let negative = take(UInt8(ascii: "-"))
    let digitsStart = position
    var magnitude: UInt64 = 0
    var fits = true
    while position < bytes.count, let digit = digit(at: position) {
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      fits = fits && !overflow && !carry
      magnitude = sum
      position += 1
    }
    guard position > digitsStart else { throw failure("a digit is expected after the minus sign") }
    if bytes[digitsStart] == UInt8(ascii: "0"), position - digitsStart > 1 {
      position = start
      throw failure("a number begins with a zero that means nothing")
    }
    let isWhole = try !fractionAndExponent()
    if isWhole, fits {
      if !negative, let value = Int64(exactly: magnitude) { return .integer(value) }
      if negative, magnitude <= UInt64(Int64.max) + 1 {
        return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
      }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw JSONSyntaxError(kind: .limit, offset: start, message: "a number is too large to be held")
    }
    return .number(value)
  }

  /// Skips the fraction and the exponent; false if there is neither.
  private mutating func fractionAndExponent() throws(JSONSyntaxError) -> Bool {
    var isThere = false
    if take(UInt8(ascii: ".")) {
      isThere = true
      try digits(after: "the decimal point")
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isThere = true
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits(after: "the exponent's sign")
    }
    return isThere
  }

  private mutating func digits(after what: String) throws(JSONSyntaxError) {
    guard digit(at: position) != nil else { throw failure("a digit is expected after \(what)") }
    while digit(at: position) != nil { position += 1 }
  }

  private func digit(at index: Int) -> UInt8? {
    guard index < bytes.count else { return nil }
    let digit = bytes[index] &- UInt8(ascii: "0")
    return digit < 10 ? digit : nil
  }
}
