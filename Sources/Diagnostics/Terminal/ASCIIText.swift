/// Replaces the symbols of the output for terminals whose locale is not UTF-8.
public enum ASCIIText {
  /// Whether the locale of an environment is UTF-8. Without any locale it is `C`, which is ASCII.
  public static func isUTF8(_ environment: [String: String]) -> Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    let charset = (locale ?? "C").split(separator: ".").dropFirst().first?.split(separator: "@").first ?? ""
    return ["utf-8", "utf8"].contains(charset.lowercased())
  }

  /// The text with symbols of the same width where possible. Other characters that are not ASCII become `?`.
  public static func of(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
    var out = ""
    for character in text {
      if character.isASCII { out.append(character) } else { out += symbols[character] ?? "?" }
    }
    return out
  }

  /// Cells of members stay distinct from each other.
  private static let symbols: [Character: String] = [
    "●": "#", "◐": "~", "○": ".", "✗": "x", "✓": "v", "–": "-", "—": "-", "─": "-", "→": ">", "…": "~",
    "·": "-",
    "×": "x", "∥": "|", "“": "\"", "”": "\"", "’": "'", "│": "|",
  ]
}
