import Foundation

/// Paths of the programs that are built with the tests.
public enum BuiltProgram {
  /// The path of `kdops`; `KDOPS_BIN` overrides it. Nil if it was not built.
  public static let kdops: String? = ProcessInfo.processInfo.environment["KDOPS_BIN"] ?? path("kdops")

  /// The path of `CrashingDaemon`, a daemon that kills itself; nil if it was not built.
  public static let crashingDaemon: String? = path("CrashingDaemon")

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
