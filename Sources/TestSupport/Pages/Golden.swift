import FoundationEssentials

/// Reference texts of tests, stored as files in a folder `Golden` beside the test's source.
public enum Golden {
  /// Returns the content of the file. With `KDOPS_RECORD=1` in the environment the file is written first.
  ///
  /// - Parameter text: The test's actual text. It is used only for recording.
  /// - Throws: An error if the file is missing: a missing golden file fails its test.
  public static func stored(_ name: String, recording text: String, beside source: String = #filePath) throws
    -> String
  {
    try RecordedFile.stored(
      URL(filePath: source).deletingLastPathComponent().appending(path: "Golden/\(name)"), recording: text)
  }
}

/// A file that a test compares with its own text, and writes on request.
enum RecordedFile {
  /// Returns the content of the file. With `KDOPS_RECORD=1` in the environment the file is written first.
  static func stored(_ file: URL, recording text: String) throws -> String {
    if ProcessInfo.processInfo.environment["KDOPS_RECORD"] == "1" { try Data(text.utf8).write(to: file) }
    return String(decoding: try Data(contentsOf: file), as: UTF8.self)
  }
}
