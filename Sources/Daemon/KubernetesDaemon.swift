import ClusterAPI
import FoundationEssentials
import Kubernetes
import Logging
import Reconciler
import ServiceLifecycle
import UnixSignals

/// The daemon on a real Kubernetes: of all that run for one installation, one at a time works.
public struct KubernetesDaemon: Sendable {
  /// The server that has the clusters.
  public let client: KubernetesClient
  public let options: Daemon.Options
  public let logger: Logger

  /// Nothing runs yet, and nothing was asked.
  public init(client: KubernetesClient, options: Daemon.Options, logger: Logger) {
    (self.client, self.options, self.logger) = (client, options, logger)
  }

  /// Where the lease is: beside the daemon, or where its administrator keeps what is the system's.
  public var lease: ObjectName {
    let namespace = client.label == "in-cluster" ? client.namespace : nil
    return ObjectName(
      namespace: namespace ?? options.policy.systemNamespace, name: "kdops-\(options.policy.installation)")
  }

  /// What statuses call the cluster, for people.
  private var name: String {
    client.label == "in-cluster"
      ? "Kubernetes with the daemon in \(lease.namespace)" : "Kubernetes \(client.label)"
  }

  /// Waits until the server is there and knows our kinds.
  ///
  /// - Parameters:
  ///   - waits: false to give up at once where it cannot be reached.
  ///   - onAway: told why it is waited, before each wait.
  /// - Returns: false where it was told to stop meanwhile.
  /// - Throws: an error that says what to do about it.
  public func arrive(
    waits: Bool, signals: [UnixSignal], onAway: @escaping @Sendable (APIError, Duration) -> Void
  ) async throws -> Bool {
    let hasArrived = Shared(false)
    let arriving = Room("arrival") {
      var arrival = Arrival(waits: waits)
      while true {
        do throws(APIError) {
          try await check()
          hasArrived.value = true
          return
        } catch {
          // A call that is cancelled fails too.
          if Task.isCancelled { return }
          guard let wait = arrival.wait(after: error) else { throw error }
          onAway(error, wait)
          guard (try? await Task.sleep(for: wait)) != nil else { return }
        }
      }
    }
    try await ServiceGroup(
      configuration: .init(
        services: [.init(service: arriving, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: signals, logger: logger)
    ).run()
    return hasArrived.value
  }

  /// Makes sure that the server is there and knows our kinds.
  ///
  /// - Throws: an error that says what to do about it.
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

  /// Runs until it is told to stop, or with `once` until there is nothing left that goes on by itself.
  ///
  /// - Parameters:
  ///   - more: what runs beside, whoever leads.
  ///   - onWaiting: told whom this daemon waits for.
  public func run(
    once: Bool, witness: Daemon.Witness, more: [any Service], signals: [UnixSignal],
    onWaiting: @escaping @Sendable (String) async -> Void
  ) async throws -> Reconciler.Outcome {
    let notes = LeaseNotes()
    let activity = DaemonActivity()
    let term = Term(
      leadership: Leadership(api: client, lease: lease, notes: { activity.notes }), lease: lease,
      logger: logger, onWaiting: onWaiting,
      onNotes: { notes.tell($0) })
    let outcome = Shared(Reconciler.Outcome.cancelled)
    let leading = Room("leader", endsByItself: true) {
      do {
        let ended = try await term.lead { leader in
          let daemon = try await Daemon.open(
            options, on: .kubernetes(Fenced(client, leader: leader)), home: lease.namespace, cluster: name,
            logger: logger, witness: witness, activity: activity,
            leads: { leader.isProven })
          let obeying = Room("orders") {
            var heard: [String: String] = [:]
            await notes.follow { notes in
              await daemon.obey(notes, after: heard)
              heard = notes
            }
          }
          return try await daemon.run(once: once, beside: [obeying])
        }
        outcome.value = ended
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
}
