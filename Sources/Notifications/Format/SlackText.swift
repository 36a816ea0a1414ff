/// Escapes text for Slack and for chats that accept Slack's format, such as Mattermost and Rocket.Chat: it cannot
/// mention users, link, or show images.
///
/// Source: Slack, "Formatting text for app surfaces", for `&`, `<` and `>`. The other chats also read Markdown and bare
/// mentions, which have no escape in this format.
enum SlackText {
  static func escaped(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "&": out.append(contentsOf: "&amp;".unicodeScalars)
      case "<": out.append(contentsOf: "&lt;".unicodeScalars)
      case ">": out.append(contentsOf: "&gt;".unicodeScalars)
      // Mentions, channels, links and addresses, which begin with these; `~` begins a channel of Mattermost.
      case "@", "#", "~", "]": append(scalar, &out)
      case ":" where scalars[(index + 1)...].starts(with: "//".unicodeScalars): append(scalar, &out)
      case "." where isAfterWWW(scalars, index):
        append(scalar, &out)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  private static func isAfterWWW(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    index >= 3 && scalars[(index - 3)..<index].allSatisfy { $0 == "w" || $0 == "W" }
  }

  /// Separates a scalar from the text after it with a space that is not visible.
  private static func append(_ scalar: Unicode.Scalar, _ out: inout String.UnicodeScalarView) {
    out.append(scalar)
    out.append("\u{200B}")
  }
}
