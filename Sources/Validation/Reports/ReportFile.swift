import FoundationEssentials

/// A report that is written to a file in addition to the printed output: `junit=kdops.xml`.
public struct ReportFile: Sendable {
  public let format: ReportFormat
  /// The path of the file, as given by the user.
  public let path: String

  /// Returns nil unless the argument is a format, `=` and a path.
  public init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let format = ReportFormat(rawValue: String(parts[0])), !parts[1].isEmpty else {
      return nil
    }
    self.format = format
    path = String(parts[1])
  }

  /// Writes the file atomically.
  ///
  /// - Parameter version: The program's version, for reports that contain it.
  /// - Throws: An error with one sentence that names the file.
  public func write(_ validation: Validation, version: String) throws {
    do {
      try Data(format.render(validation, version: version).utf8).write(
        to: URL(filePath: path), options: .atomic)
    } catch {
      throw Failure(path: path)
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    let path: String
    var description: String {
      "the report cannot be written to \(path): create its folder, or give a path that can be written"
    }
  }
}
