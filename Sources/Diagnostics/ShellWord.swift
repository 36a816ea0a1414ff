/// Quotes arguments of commands that users are asked to paste.
///
/// Works byte by byte: Swift combines a quote and a following combining mark into one `Character`, but a shell does
/// not.
public enum ShellWord {
  /// A path relative to the repository's root as the last argument of a git command, for any file name.
  ///
  /// In git's arguments `*`, `?`, `[` and a leading `:` have a special meaning, hence `:(top,literal)`.
  public static func path(_ path: String) -> String {
    isPlain(path) && path.utf8.first != UInt8(ascii: "-") ? path : "-- \(quoted(":(top,literal)\(path)"))"
  }

  /// The value after the `=` of an option.
  public static func value(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x2D...0x39).contains($0) || $0 == 0x5F
    }
  }

  /// One quoted shell argument. Characters that a terminal could execute or not show are written as `\xHH` in `$'…'`,
  /// which bash, zsh and ksh read, so that the command can be shown as it is and still names the same file.
  private static func quoted(_ text: String) -> String {
    let needsEscapes = text.unicodeScalars.contains(where: TerminalText.isUnsafe)
    var word = String.UnicodeScalarView()
    word.append(contentsOf: (needsEscapes ? "$'" : "'").unicodeScalars)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": word.append(contentsOf: (needsEscapes ? "\\'" : "'\\''").unicodeScalars)
      case "\\" where needsEscapes: word.append(contentsOf: "\\\\".unicodeScalars)
      case _ where TerminalText.isUnsafe(scalar):
        for byte in String(scalar).utf8 {
          let digits = String(byte, radix: 16)
          word.append(contentsOf: "\\x\(byte < 16 ? "0" : "")\(digits)".unicodeScalars)
        }
      default: word.append(scalar)
      }
    }
    word.append("'")
    return String(word)
  }
}
