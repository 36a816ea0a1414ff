/// Words for commands that people are told to paste.
public enum ShellWord {
  /// A path as one word of a command after its options, whatever somebody called the file.
  public static func path(_ path: String) -> String {
    isPlain(path) && !path.hasPrefix("-") ? path : "-- \(quoted(path))"
  }

  /// What follows the `=` of an option.
  public static func value(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x2D...0x39).contains($0) || $0 == 0x5F
    }
  }

  private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
}
