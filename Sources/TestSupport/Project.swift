import FoundationEssentials

/// The files of the repository that the tests are built from.
public enum Project {
  /// - Parameter path: such as `docs/cli.md`.
  public static func file(_ path: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: path)
  }
}
