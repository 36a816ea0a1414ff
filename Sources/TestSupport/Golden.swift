import FoundationEssentials

/// Texts that a test compares with, kept as files in a folder `Golden` beside the test's source.
public enum Golden {
  /// What the file holds. With `KDOPS_RECORD=1` in the environment the file is written anew first.
  ///
  /// - Parameter text: what the test has made; written where it records, else not looked at.
  /// - Throws: where the file is missing: a missing golden fails its test.
  public static func stored(_ name: String, recording text: String, beside source: String = #filePath) throws
    -> String
  {
    let file = URL(filePath: source).deletingLastPathComponent().appending(path: "Golden/\(name)")
    if ProcessInfo.processInfo.environment["KDOPS_RECORD"] == "1" { try Data(text.utf8).write(to: file) }
    return String(decoding: try Data(contentsOf: file), as: UTF8.self)
  }
}
