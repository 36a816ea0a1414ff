import ClusterAPI
import Control
import FoundationEssentials
import Kubernetes
import Logging
import Reconciler
import ServiceLifecycle
import UnixSignals

/// The daemon on a Kubernetes cluster. Of all daemons of one installation, only the leader works.
public struct KubernetesDaemon: Sendable {
  /// The API server of the cluster.
  public let client: KubernetesClient
  public let options: Daemon.Options
  public let logger: Logger

  /// Creates the daemon without starting it or sending a request.
  public init(client: KubernetesClient, options: Daemon.Options, logger: Logger) {
    (self.client, self.options, self.logger) = (client, options, logger)
  }

  /// The Lease: in the daemon's own namespace if it runs in the cluster, otherwise in the system namespace.
  public var lease: ObjectName {
    let namespace = client.label == "in-cluster" ? client.namespace : nil
    return ObjectName(
      namespace: namespace ?? options.policy.systemNamespace, name: "kdops-\(options.policy.installation)")
  }

  /// The cluster's display name in statuses.
  private var name: String {
    client.label == "in-cluster"
      ? "Kubernetes with the daemon in \(lease.namespace)" : "Kubernetes \(client.label)"
  }

  /// Waits until the server responds and serves the kdops resource types.
  ///
  /// - Parameters:
  ///   - waits: false to fail at once if the server cannot be reached.
  ///   - onUnavailable: called with the error before each wait.
  /// - Returns: false if the daemon was stopped in the meantime.
  /// - Throws: an error that says what to do.
  public func arrive(
    waits: Bool, signals: [UnixSignal], onUnavailable: @escaping @Sendable (APIError, Duration) -> Void
  ) async throws -> Bool {
    let hasArrived = Shared(false)
    let arriving = BackgroundService("arrival") {
      hasArrived.value = try await checkRepeatedly(waits: waits, onUnavailable: onUnavailable)
    }
    try await ServiceGroup(
      configuration: .init(
        services: [.init(service: arriving, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: signals, logger: logger)
    ).run()
    return hasArrived.value
  }

  /// - Returns: false if the task was cancelled before the server responded.
  private func checkRepeatedly(
    waits: Bool, onUnavailable: @Sendable (APIError, Duration) -> Void
  ) async throws(APIError) -> Bool {
    var startupRetry = StartupRetry(waits: waits)
    while true {
      do throws(APIError) {
        try await check()
        return true
      } catch {
        // A cancelled call fails too.
        if Task.isCancelled { return false }
        guard let wait = startupRetry.wait(after: error) else { throw error }
        onUnavailable(error, wait)
        guard (try? await Task.sleep(for: wait)) != nil else { return false }
      }
    }
  }

  /// Checks that the server responds and serves the kdops resource types.
  ///
  /// - Throws: an error that says what to do.
  func check() async throws(APIError) {
    try await client.check()
    do throws(APIError) {
      let api = client.within(options.policy)
      _ = try await api.list(.clusters, namespace: nil, labels: ["kdops.dev/preflight": "true"])
    } catch {
      guard error.kind == .notFound || error.kind == .unsupported else { throw error }
      throw APIError(
        .unsupported,
        "\(client.label) does not know KubeDirectorCluster: kdops install --export | kubectl apply -f -")
    }
  }

  /// Runs until it is stopped, or with `once` until no work is left that continues without a person or another commit.
  ///
  /// - Parameters:
  ///   - more: further services, which run whether or not this daemon leads.
  ///   - fetches: receives the reconciler while this daemon leads; nil if nothing requests fetches.
  ///   - onWaiting: called with the leader that this daemon waits for.
  public func run(
    once: Bool, observers: [any ReconcileObserver], more: [any Service], fetches: FetchRequests? = nil,
    signals: [UnixSignal], onWaiting: @escaping @Sendable (String) async -> Void
  ) async throws -> Reconciler.Outcome {
    let annotations = LeaseAnnotations()
    let activity = DaemonActivity()
    let term = Term(
      leadership: Leadership(api: client, lease: lease, notes: { activity.notes }), lease: lease,
      logger: logger, onWaiting: onWaiting,
      onNotes: { annotations.publish($0) })
    let outcome = Shared(Reconciler.Outcome.cancelled)
    let leading = BackgroundService("leader", endsByItself: true) {
      do {
        outcome.value = try await term.lead { leader in
          let daemon = try await open(leader, observers, activity)
          fetches?.attach(daemon.reconciler)
          defer { fetches?.attach(nil) }
          return try await daemon.run(once: once, beside: [daemon.control(by: annotations)])
        }
      } catch is CancellationError {}
    }
    var services = more.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
    services.append(.init(service: leading, successTerminationBehavior: .gracefullyShutdownGroup))
    var configuration = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(8)
    try await ServiceGroup(configuration: configuration).run()
    return outcome.value
  }

  /// Passes requests to fetch to this daemon while it leads, and otherwise by the Lease to the one that does.
  public func fetchRequests() -> FetchRequests {
    let (client, lease) = (client, lease)
    return FetchRequests {
      _ = try await LeaseCommand(api: client, lease: lease).sync(accept: nil)
    }
  }

  /// The daemon of a leader. It writes only while it leads.
  private func open(
    _ leader: Leader, _ observers: [any ReconcileObserver], _ activity: DaemonActivity
  ) async throws -> Daemon {
    try await Daemon.open(
      options, on: .kubernetes(Fenced(client, leader: leader)), home: lease.namespace, cluster: name,
      logger: logger, observers: observers, activity: activity, leads: { leader.isProven })
  }
}
