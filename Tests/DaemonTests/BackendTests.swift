import Daemon
import EmbeddedCluster
import FoundationEssentials
import Logging
import TestSupport
import Testing

@Suite("An embedded cluster that a command opens")
struct BackendTests {
  @Test("has a folder that only its owner may access")
  func mode() async throws {
    let parent = try TemporaryFolder()
    let folder = "\(parent.path)/a/cluster"
    _ = try await Backend.embedded(
      folder, .noScripts, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for (path, mode) in [(folder, 0o700), ("\(folder)/cluster.sqlite", 0o600)] {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
    }
  }
}
