import ClusterAPI
import Controller
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Logging
import Rules
import ServiceLifecycle
import UnixSignals

/// The engine on an embedded cluster without a repository: apps and clusters are applied manually.
public struct SandboxDaemon: Sendable {
  private let cluster: EmbeddedCluster
  private let engine: Engine
  private let eventRecorder: EventRecorder
  private let logger: Logger
  /// Authenticates the objects that the engine acts on.
  public let stamp: Stamp

  /// Opens all parts without starting them.
  public static func open(
    _ policy: Policy, on cluster: EmbeddedCluster, logger: Logger
  ) async throws -> SandboxDaemon {
    let now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    let identity = try await ClusterIdentity.obtain(
      from: cluster, namespace: policy.systemNamespace, installation: policy.installation, logger: logger)
    let eventRecorder = EventRecorder(
      api: cluster, now: now, onFailure: { logger.debug("event.failed", metadata: ["error": "\($0)"]) })
    // The sandboxes of the embedded cluster have no network.
    var tenancy = policy.tenancy
    tenancy.fileSources = []
    let settings = Engine.Settings(
      systemNamespace: policy.systemNamespace, installation: policy.installation,
      isTenant: { policy.allows(namespace: $0) }, tenancy: tenancy)
    let engine = Engine(
      api: cluster, settings: settings, stamp: identity.stamp, logger: logger, clock: ContinuousClock(),
      eventRecorder: eventRecorder, now: now)
    return SandboxDaemon(
      cluster: cluster, engine: engine, eventRecorder: eventRecorder, logger: logger, stamp: identity.stamp)
  }

  /// The images of the `.kdops.yaml` at the head of a repository.
  ///
  /// - Parameter path: a folder in the repository.
  public static func images(ofRepository path: String) async throws -> ImageCatalog {
    let repository = try await GitRepository.open(path: path)
    let head = try await repository.resolve("HEAD")
    return try await GitImages().catalog(at: head, in: repository)
  }

  /// Runs until one of the signals.
  ///
  /// - Parameter beside: further services to run.
  public func run(beside: [any Service], signals: [UnixSignal]) async throws {
    let own: [any Service] = [
      BackgroundService("cluster") { [cluster] in try await cluster.run() },
      BackgroundService("events") { [eventRecorder] in await eventRecorder.run() },
      BackgroundService("engine") { [engine] in await engine.run() },
    ]
    var configuration = ServiceGroupConfiguration(
      services: (own + beside).map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
      gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(4)
    try await ServiceGroup(configuration: configuration).run()
  }
}
