import ClusterAPI
import EmbeddedCluster
import Foundation
import GitStore
import Kubernetes
import Logging
import Rules
import TestSupport

@testable import Daemon

/// A daemon, with the embedded cluster where that is the backend, in a process that is there for nothing else and ends
/// by SIGKILL: after one of its deeds, or when it is told that its time has not come.
///
/// A plain value, because it goes from one process to another.
struct MortalDaemon: Codable, Sendable {
  /// Where a Kubernetes is, and what the daemon is there; nil for the embedded cluster.
  struct Kubernetes: Codable, Sendable {
    var kubeconfig: String
    var namespace: String
    var tenants: [String]
    var systemNamespace: String
    var installation: String
  }

  var bare: String
  /// The first commit, which tells the images.
  var first: String
  /// The embedded cluster's.
  var cluster: String
  var kubernetes: Kubernetes?
  var folder: String
  var log: String
  var book: DeathBook
  /// The number of its last deed; nil for one that lives on.
  var last: Int?

  init(_ scene: Scene, dieAfter last: Int?) throws {
    self.last = last
    bare = scene.forge.bare.path
    first = try scene.forge.first()
    folder = "\(scene.folder.path)/first"
    log = "\(scene.folder.path)/log-first"
    cluster = "\(scene.folder.path)/cluster"
    book = try DeathBook(in: "\(scene.folder.path)/book")
    if let site = scene.site as? KubernetesSite {
      kubernetes = Kubernetes(
        kubeconfig: site.kubeconfig, namespace: site.settings.namespace,
        tenants: site.settings.tenantNamespaces, systemNamespace: site.settings.systemNamespace,
        installation: site.installation)
    }
  }

  /// Lives until it dies.
  func live() async throws {
    let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0, dup2(file, STDERR_FILENO) >= 0 else { throw ToolError("cannot write \(log)") }
    let logger = Logger(label: "first", factory: { StreamLogHandler.standardError(label: $0) })
    if let kubernetes {
      let client = try await KubernetesClient.connect(
        ConnectionOptions(kubeconfig: kubernetes.kubeconfig), logger: logger)
      return try await live(client, logger)
    }
    let repository = try await GitRepository.open(path: bare)
    guard let head = ObjectID(hex: first) else { throw ToolError("\(first) is no commit") }
    try FileManager.default.createDirectory(atPath: cluster, withIntermediateDirectories: true)
    let embedded = try await EmbeddedCluster.open(
      directory: cluster, sandbox: .bubblewrap,
      catalog: try await GitImages().catalog(at: head, in: repository), logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await embedded.run() }
      try await live(embedded, logger)
    }
  }

  private func live(_ api: any ClusterAPI, _ logger: Logger) async throws {
    var options = Daemon.Options(remote: try Remote(GitURL(bare)), folder: folder)
    options.interval = .milliseconds(300)
    if let kubernetes {
      options.policy = Policy(
        tenancy: Tenancy(namespaces: kubernetes.tenants), systemNamespace: kubernetes.systemNamespace,
        installation: kubernetes.installation)
    }
    // The mortal one is the port itself: what the embedded node does is not the daemon's doing.
    let daemon = try await Daemon.open(
      options, on: .kubernetes(Mortal(api, book, dieAfter: last)), home: kubernetes?.namespace, logger: logger
    )
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { _ = try await daemon.run() }
      try await eventually(within: .seconds(900), every: .milliseconds(100), "word that it is over") {
        book.isEnded ? true : nil
      }
      _ = kill(getpid(), SIGKILL)
    }
  }
}
