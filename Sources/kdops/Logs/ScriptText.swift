import Diagnostics

/// The text of one stream of scripts. It cannot control the terminal, except for line feeds and tabs.
struct ScriptText {
  /// Whether the last line has no line feed yet.
  private var isLineOpen = false

  /// The line feed that ends an open line; empty if none is open.
  mutating func endLine() -> String {
    defer { isLineOpen = false }
    return isLineOpen ? "\n" : ""
  }

  /// Output that follows what was printed before.
  mutating func output(_ bytes: [UInt8]) -> String {
    guard let last = bytes.last else { return "" }
    isLineOpen = last != UInt8(ascii: "\n")
    return Self.map(String(decoding: bytes, as: UTF8.self), "\n") { line in
      Self.map(line, "\t", TerminalText.visible)
    }
  }

  /// Changes the parts between separators. Scalars are compared: a carriage return and a line feed are one character.
  private static func map(
    _ text: String, _ separator: Unicode.Scalar, _ change: (String) -> String
  ) -> String {
    text.unicodeScalars.split(separator: separator, omittingEmptySubsequences: false)
      .map { change(String($0)) }.joined(separator: String(separator))
  }
}
