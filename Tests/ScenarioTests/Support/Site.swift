import ClusterAPI
import EmbeddedCluster
import Foundation
import KubeDirector
import Logging
import TestSupport
import Values

/// Where the clusters of a scenario run, looked at from outside of the daemon.
protocol Site: Sendable {
  /// The command line by which a daemon finds it.
  ///
  /// - Parameter daemon: the daemon's name; each has a folder of its own.
  func arguments(for daemon: String) -> [String]

  /// Whether its daemons run as they do in a pod: with no privileges at all.
  var runsDaemonsBare: Bool { get }

  /// Names the refs of the daemon's statuses, and the owner of objects.
  var installation: String { get }

  /// Objects as an administrator sees them; nil where there cannot be any yet.
  func api() -> (any ClusterAPI)?

  /// Where a member's volume is on this machine.
  func volume(of pod: ObjectName) async throws -> String

  /// By what flags a command finds the cluster.
  var commandArguments: [String] { get }

  /// What a file of a running container holds; nil where it is not there.
  func file(_ path: String, in pod: ObjectName) async throws -> String?

  /// What the scripts of a pod wrote down: in all its containers where it has a volume, else in the present one.
  func record(of pod: ObjectName) async throws -> String

  /// Lets somebody write while no daemon runs.
  func withWriter(_ body: (any ClusterAPI) async throws -> Void) async throws

  func close() async
}

/// The embedded cluster in a folder, read from its files.
struct EmbeddedSite: Site {
  let directory: String

  /// Its scripts are run in a sandbox, which takes some.
  var runsDaemonsBare: Bool { false }
  var installation: String { "default" }

  func arguments(for daemon: String) -> [String] { ["--embedded", directory] }

  func api() -> (any ClusterAPI)? {
    // The daemon may not have made its tables yet.
    try? EmbeddedCluster.openReadOnly(directory)
  }

  var commandArguments: [String] { ["--embedded=\(directory)"] }

  func volume(of pod: ObjectName) -> String { "\(directory)/volumes/\(pod.namespace)/p-\(pod.name)" }

  func file(_ path: String, in pod: ObjectName) async throws -> String? {
    // What a volume persists lies over what the pod has of its own.
    let places = [volume(of: pod), "\(directory)/pods/\(pod.namespace)/\(pod.name)"].map { $0 + path }
    return places.lazy.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }.first
  }

  func record(of pod: ObjectName) async throws -> String {
    let volume = "\(volume(of: pod))/data/runs"
    let own = "\(directory)/pods/\(pod.namespace)/\(pod.name)/srv/runs"
    let path = FileManager.default.fileExists(atPath: volume) ? volume : own
    return (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }

  func withWriter(_ body: (any ClusterAPI) async throws -> Void) async throws {
    let cluster = try await EmbeddedCluster.open(
      directory: directory, sandbox: .noScripts, catalog: ImageCatalog([]),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await body(cluster)
  }

  func close() async {}
}
