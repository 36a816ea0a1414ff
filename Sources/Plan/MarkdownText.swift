import Diagnostics

/// Words from files made fit for a forge's Markdown: they neither format, nor link, nor call anybody.
enum MarkdownText {
  /// Text that is shown as it stands, also in a cell of a table.
  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in TerminalText.visible(text).unicodeScalars {
      switch scalar {
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "&": out += "&amp;" + separator
      case "\\", "`", "*", "_", "[", "]", "|": out += "\\\(scalar)"
      // People, teams, issues, merge requests and the like are named by these; they would be told, or linked.
      case "@", "#", "!", "$", "%", "~", "^": out += "\\\(scalar)\(separator)"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out.replacing("://", with: ":\(separator)//").replacing("www.", with: "www\(separator).")
  }

  /// Keeps a sign apart from the word behind it, without being seen.
  private static let separator = "\u{200B}"

  /// Text that can be copied as it stands.
  static func code(_ text: String) -> String {
    let text = TerminalText.visible(text)
    var longest = 0
    var run = 0
    for character in text {
      run = character == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    let pad = text.hasPrefix("`") || text.hasSuffix("`") ? " " : ""
    return "\(fence)\(pad)\(text)\(pad)\(fence)"
  }
}
