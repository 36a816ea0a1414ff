import Diagnostics

/// Words from files made fit for a forge's Markdown: they neither format, nor link, nor call anybody.
///
/// Works on Unicode scalars, as a forge's parser does: a sign with a combining mark behind it is one `Character` to Swift,
/// and equal to no sign.
enum MarkdownText {
  /// Text that is shown as it stands, also in a cell of a table.
  static func escaped(_ text: String) -> String {
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
      // People, teams, issues, merge requests and the like are named by these; they would be told, or linked.
      case "@", "#", "!", "$", "%", "~", "^":
        out.append("\\")
        out.append(scalar)
        out.append(separator)
      // Addresses become links without any sign around them.
      case ":" where scalars[(index + 1)...].starts(with: "//".unicodeScalars),
        "w" where isLastOfWWW(scalars, index), "W" where isLastOfWWW(scalars, index):
        out.append(scalar)
        out.append(separator)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  /// Whether `www.` has its last `w` here, in either case.
  private static func isLastOfWWW(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    guard index >= 2, index + 1 < scalars.count, scalars[index + 1] == "." else { return false }
    return scalars[(index - 2)..<index].allSatisfy { $0 == "w" || $0 == "W" }
  }

  /// Keeps a sign apart from the word behind it, without being seen.
  private static let separator: Unicode.Scalar = "\u{200B}"

  /// Text that can be copied as it stands.
  static func code(_ text: String) -> String {
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
