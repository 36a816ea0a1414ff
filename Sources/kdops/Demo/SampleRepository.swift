import FoundationEssentials

/// Finds the sample repository of the demo.
enum SampleRepository {
  /// The given folder, or the sample in the working directory, beside the installation, or in the sources of this
  /// program.
  ///
  /// - Parameters:
  ///   - directory: The working directory.
  ///   - program: The path of this program; nil if it is unknown.
  static func find(
    _ given: String?, in directory: String = ".",
    program: String? = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  ) throws(DemoError) -> String {
    let candidates = given.map { [$0] } ?? ["\(directory)/sample-repo"] + (program.map(candidates) ?? [])
    let found = candidates.first { FileManager.default.fileExists(atPath: "\($0)/.kdops.yaml") }
    guard let found else {
      throw DemoError(
        "there is no sample repository in \(candidates.prefix(2).joined(separator: " or ")); set it with --sample DIR"
      )
    }
    return found
  }

  /// Of a program in `PREFIX/bin`: `PREFIX/share/kdops/sample-repo`, and then each folder above the program, for a
  /// program in the build folder of the sources.
  private static func candidates(of program: String) -> [String] {
    var folder = URL(filePath: program).deletingLastPathComponent()
    var candidates = [folder.deletingLastPathComponent().appending(path: "share/kdops/sample-repo").path]
    while folder.path.count > 1 {
      candidates.append(folder.appending(path: "sample-repo").path)
      folder = folder.deletingLastPathComponent()
    }
    return candidates
  }
}
