import ClusterAPI
import EmbeddedCluster
import Foundation
import GitStore
import KubeDirector
import Kubernetes
import Logging
import Rules
import TestSupport

@testable import Daemon

/// Runs a daemon, with the embedded cluster if that is its backend, until it dies: `CrashingDaemon LIFE`.
@main
struct CrashingDaemon {
  private let life: CrashPlan
  private let logger = Logger(
    label: "crashing-daemon", factory: { StreamLogHandler.standardError(label: $0) })

  static func main() async throws {
    guard let text = CommandLine.arguments.dropFirst().first else {
      throw ToolError("usage: CrashingDaemon PLAN")
    }
    try await CrashingDaemon(life: JSONDecoder().decode(CrashPlan.self, from: Data(text.utf8))).live()
  }

  private func live() async throws {
    if let kubernetes = life.kubernetes {
      return try await live(
        try await KubernetesClient.connect(
          ConnectionOptions(kubeconfig: kubernetes.kubeconfig), logger: logger))
    }
    let repository = try await GitRepository.open(path: life.remote)
    guard let head = ObjectID(hex: life.first) else { throw ToolError("\(life.first) is no commit") }
    try FileManager.default.createDirectory(atPath: life.cluster, withIntermediateDirectories: true)
    let embedded = try await EmbeddedCluster.open(
      directory: life.cluster, sandbox: .bubblewrap,
      catalog: try await GitImages().catalog(at: head, in: repository), logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await embedded.run() }
      try await live(embedded)
    }
  }

  private func live(_ api: any ClusterAPI) async throws {
    var options = Daemon.Options(remote: try Remote(GitURL(life.remote)), folder: life.folder)
    options.reconciler.interval = .milliseconds(300)
    if let kubernetes = life.kubernetes {
      options.policy = Policy(
        tenancy: Tenancy(namespaces: kubernetes.tenants), systemNamespace: kubernetes.systemNamespace,
        installation: kubernetes.installation)
    }
    // Actions of the embedded node are not the daemon's, so the node does not use the counting port.
    let port = CrashingAPI(api, life.book, dieAfter: life.last)
    let daemon = try await Daemon.open(
      options, on: .kubernetes(port), home: life.kubernetes?.namespace, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { _ = try await daemon.run() }
      while !life.book.isEnded { try await Task.sleep(for: .milliseconds(100)) }
      _ = kill(getpid(), SIGKILL)
    }
  }
}
