/// Writes strings so that all YAML 1.1 and 1.2 parsers read them as the same strings.
public enum YAMLScalar {
  /// The string on one line: plain if no parser can read it as a number, a date, a boolean or syntax; otherwise in
  /// double quotes.
  public static func text(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  /// Words that YAML 1.1 or 1.2 parsers do not read as strings.
  private static let words: Set<String> = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan",
  ]

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.allSatisfy(isWordByte) else { return false }
    if isLetter(first) { return !words.contains(text.lowercased()) }
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    // The digits of a commit id may all be decimal, or include a single `e`: some parsers read them as a number.
    let second = text.utf8.dropFirst().first
    let marksBase = second.map { "xXoObB".utf8.contains($0) } ?? false
    return !marksBase && text.utf8.contains { isLetter($0) && !"eE".utf8.contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_./".utf8.contains(byte)
  }

  /// The string in double quotes. Characters that a terminal or a parser could misread are written as escapes that
  /// YAML and JSON share.
  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      case " "..."~": out.unicodeScalars.append(scalar)
      case _ where needsEscape(scalar):
        let digits = String(scalar.value, radix: 16)
        let width = scalar.value > 0xFFFF ? 8 : 4
        out += (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: false
    }
  }
}
