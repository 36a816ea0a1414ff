/// Words for commands that people are told to paste.
public enum ShellWord {
  /// A path as one word of a command after its options, whatever somebody called the file.
  public static func path(_ path: String) -> String {
    let isPlain = path.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x2D...0x39).contains($0) || $0 == 0x5F
    }
    return isPlain && !path.hasPrefix("-") ? path : "-- '\(path.replacing("'", with: "'\\''"))'"
  }
}
