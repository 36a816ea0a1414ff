/// Escapes text from files for the Markdown of git hosts: it cannot format, link, or mention users.
///
/// Works on Unicode scalars, as the hosts' parsers do. In Swift, a character with a combining mark after it
/// is one `Character`, and does not equal the plain character.
public enum MarkdownText {
  /// Text that is shown literally, also in a table cell.
  public static func escaped(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    let scalars = Array(TerminalText.visible(text).unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "<": out.append(contentsOf: "&lt;".unicodeScalars)
      case ">": out.append(contentsOf: "&gt;".unicodeScalars)
      case "&":
        out.append(contentsOf: "&amp;".unicodeScalars)
        out.append(separator)
      case "\\", "`", "*", "_", "[", "]", "|":
        out.append("\\")
        out.append(scalar)
      // These characters start references to users, teams, issues, merge requests and similar, which would
      // notify or link.
      case "@", "#", "!", "$", "%", "~", "^":
        out.append("\\")
        out.append(scalar)
        out.append(separator)
      // Addresses become links without any markup.
      case ":" where scalars[(index + 1)...].starts(with: "//".unicodeScalars),
        "w" where isLastOfWWW(scalars, index), "W" where isLastOfWWW(scalars, index):
        out.append(scalar)
        out.append(separator)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  /// Whether the scalar at this index is the last `w` of `www.`, in either case.
  private static func isLastOfWWW(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    guard index >= 2, index + 1 < scalars.count, scalars[index + 1] == "." else { return false }
    return scalars[(index - 2)..<index].allSatisfy { $0 == "w" || $0 == "W" }
  }

  /// Separates a character from the text after it without being visible.
  private static let separator: Unicode.Scalar = "\u{200B}"

  /// Text as inline code that can be copied literally.
  public static func code(_ text: String) -> String {
    let text = TerminalText.visible(text)
    var longest = 0
    var run = 0
    for scalar in text.unicodeScalars {
      run = scalar == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    let pad = text.utf8.first == UInt8(ascii: "`") || text.utf8.last == UInt8(ascii: "`") ? " " : ""
    return "\(fence)\(pad)\(text)\(pad)\(fence)"
  }
}
