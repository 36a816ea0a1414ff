import FoundationEssentials

/// A page below `docs` that a test generates from the program, and compares with the stored one.
public struct GeneratedPage: Sendable {
  private let url: URL

  /// - Parameter path: the path in the repository, such as `docs/cli.md`.
  public init(_ path: String) { url = Project.file(path) }

  /// Whether the stored page is this text. With `KDOPS_RECORD=1` the text is stored first.
  public func matches(_ text: String) throws -> Bool {
    try RecordedFile.stored(url, recording: text) == text
  }

  /// The text in lines of at most 118 characters, broken at blanks.
  ///
  /// - Parameters:
  ///   - first: the start of the first line, such as `- `.
  ///   - rest: the start of the other lines.
  public static func wrapped(_ text: String, first: String = "", rest: String = "") -> String {
    var lines: [String] = []
    var line = first
    var isEmpty = true
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !isEmpty, line.count + 1 + word.count > 118 {
        lines.append(line)
        line = rest
        isEmpty = true
      }
      line += isEmpty ? String(word) : " \(word)"
      isEmpty = false
    }
    return (lines + [line]).joined(separator: "\n")
  }
}
