import Diagnostics

/// The text of one stream of scripts. It cannot control the terminal, except for line feeds and tabs.
struct ScriptText {
  /// Whether the last line has no line feed yet.
  private var isLineOpen = false
  /// The beginning of a character whose other bytes are not read yet.
  private var rest: [UInt8] = []

  /// The line feed that ends an open line; empty if none is open.
  mutating func endLine() -> String {
    defer { (isLineOpen, rest) = (false, []) }
    let end = rest.isEmpty ? "" : String(decoding: rest, as: UTF8.self)
    return end + (isLineOpen ? "\n" : "")
  }

  /// Output that follows what was printed before.
  mutating func output(_ bytes: [UInt8]) -> String {
    guard let last = bytes.last else { return "" }
    isLineOpen = last != UInt8(ascii: "\n")
    var bytes = rest + bytes
    rest = Self.incompleteEnd(bytes)
    bytes.removeLast(rest.count)
    return Self.map(String(decoding: bytes, as: UTF8.self), "\n") { line in
      Self.map(line, "\t", TerminalText.visible)
    }
  }

  /// The bytes at the end that may be the beginning of a character in UTF-8.
  private static func incompleteEnd(_ bytes: [UInt8]) -> [UInt8] {
    let end = bytes.suffix(3)
    guard let start = end.lastIndex(where: { $0 & 0xC0 != 0x80 }) else { return [] }
    let length =
      switch bytes[start] {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    return length > bytes.count - start ? Array(bytes[start...]) : []
  }

  /// Changes the parts between separators. Scalars are compared: a carriage return and a line feed are one character.
  private static func map(
    _ text: String, _ separator: Unicode.Scalar, _ change: (String) -> String
  ) -> String {
    text.unicodeScalars.split(separator: separator, omittingEmptySubsequences: false)
      .map { change(String($0)) }.joined(separator: String(separator))
  }
}
