import ClusterAPI
import EmbeddedCluster
import Foundation
import KubeDirector
import Logging
import TestSupport
import Values

/// The clusters of a scenario, observed from outside the daemon.
protocol Site: Sendable {
  /// The flags with which a daemon finds it.
  ///
  /// - Parameter daemon: the daemon's name; each has a folder of its own.
  func arguments(for daemon: String) -> [String]

  /// Whether its daemons run as in a pod: without capabilities.
  var runsDaemonsBare: Bool { get }

  /// Determines the refs of the daemon's statuses, and the owner of objects.
  var installation: String { get }

  /// A client with an administrator's permissions; nil while there cannot be any objects.
  func api() -> (any ClusterAPI)?

  /// The path of a member's volume on this machine.
  func volume(of pod: ObjectName) async throws -> String

  /// The flags with which a command finds the cluster.
  var commandArguments: [String] { get }

  /// The content of a file in a running container; nil if it does not exist.
  func file(_ path: String, in pod: ObjectName) async throws -> String?

  /// The runs that a pod's scripts recorded: in all its containers if it has a volume, else in the current
  /// one.
  func record(of pod: ObjectName) async throws -> String

  /// Lets a client write while no daemon runs.
  func withWriter(_ body: (any ClusterAPI) async throws -> Void) async throws

  func close() async
}

/// The embedded cluster in a folder, read from its files.
struct EmbeddedSite: Site {
  let directory: String

  /// Its scripts run in a sandbox, which needs some capabilities.
  var runsDaemonsBare: Bool { false }
  var installation: String { "default" }

  func arguments(for daemon: String) -> [String] { ["--embedded", directory] }

  func api() -> (any ClusterAPI)? {
    // The daemon may not have created its tables yet.
    try? EmbeddedCluster.openReadOnly(directory)
  }

  var commandArguments: [String] { ["--embedded=\(directory)"] }

  func volume(of pod: ObjectName) -> String { "\(directory)/volumes/\(pod.namespace)/p-\(pod.name)" }

  func file(_ path: String, in pod: ObjectName) async throws -> String? {
    // The files of a volume hide those of the pod.
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
