/// Text and attributes of XML 1.0.
enum XMLText {
  /// Text between two tags.
  static func text(_ text: String) -> String { escaped(text, inAttribute: false) }

  /// An attribute with the space before it.
  static func attribute(_ name: String, _ value: String) -> String {
    " \(name)=\"\(escaped(value, inAttribute: true))\""
  }

  /// Whatever the text is, what comes out can stand in a document: production 2 (`Char`) of the standard leaves out most
  /// control characters and two of U+FFxx, even as references, and they are replaced by pictures of them.
  private static func escaped(_ text: String, inAttribute: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      // Also within `]]>`, which may not stand in text.
      case ">": escaped += "&gt;"
      case "\"" where inAttribute: escaped += "&quot;"
      // A reader would make spaces of these in an attribute.
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
