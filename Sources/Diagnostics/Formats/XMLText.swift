/// Escapes text and attributes for XML 1.0.
enum XMLText {
  /// Text between two tags.
  static func text(_ text: String) -> String { escaped(text, inAttribute: false) }

  /// An attribute, preceded by a space.
  static func attribute(_ name: String, _ value: String) -> String {
    " \(name)=\"\(escaped(value, inAttribute: true))\""
  }

  /// Escapes any text so that it is valid in a document. Production 2 (`Char`) of the standard excludes most control
  /// characters and two of U+FFxx, even as references, so they are replaced by their Unicode symbols.
  private static func escaped(_ text: String, inAttribute: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      // Also escapes `]]>`, which text may not contain.
      case ">": escaped += "&gt;"
      case "\"" where inAttribute: escaped += "&quot;"
      // A parser would replace these by spaces in an attribute.
      case "\t", "\n": escaped += inAttribute ? "&#\(scalar.value);" : String(scalar)
      case "\r": escaped += "&#13;"
      case "\u{0}"..<"\u{20}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}":
        escaped.unicodeScalars.append(TerminalText.standIn(for: scalar))
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
