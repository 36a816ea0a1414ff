import Foundation

/// Programs that are built beside the tests.
public enum BuiltProgram {
  /// Its path, unless `KDOPS_BIN` names another one; nil where it was not built.
  public static let kdops: String? = ProcessInfo.processInfo.environment["KDOPS_BIN"] ?? path("kdops")

  /// A daemon that dies by itself; nil where it was not built.
  public static let mortal: String? = path("Mortal")

  private static func path(_ name: String) -> String? {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let folders = [
      tests.deletingLastPathComponent(), Bundle.main.bundleURL,
      Bundle.main.bundleURL.deletingLastPathComponent(),
    ]
    return folders.map { $0.appendingPathComponent(name).path }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }
}
