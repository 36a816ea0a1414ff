import Foundation

/// The program that is built beside the tests.
public enum BuiltProgram {
  /// Its path, unless `KDOPS_BIN` names another one; nil where it was not built.
  public static let kdops: String? = {
    if let named = ProcessInfo.processInfo.environment["KDOPS_BIN"] { return named }
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let folders = [
      tests.deletingLastPathComponent(), Bundle.main.bundleURL,
      Bundle.main.bundleURL.deletingLastPathComponent(),
    ]
    return folders.map { $0.appendingPathComponent("kdops").path }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }()
}
