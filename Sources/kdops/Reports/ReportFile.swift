import ArgumentParser
import FoundationEssentials

/// A report that is written beside what is printed: `junit=kdops.xml`.
struct ReportFile: ExpressibleByArgument {
  let format: ReportFormat
  let path: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let format = ReportFormat(rawValue: String(parts[0])), !parts[1].isEmpty else {
      return nil
    }
    self.format = format
    path = String(parts[1])
  }

  /// Writes the whole file or none of it.
  ///
  /// - Throws: one sentence that names the file.
  func write(_ validation: Validation) throws {
    do {
      try Data(format.render(validation).utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw Failure(path: path)
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    let path: String
    var description: String {
      "the report cannot be written to \(path): make its folder, or give a path that can be written"
    }
  }
}
