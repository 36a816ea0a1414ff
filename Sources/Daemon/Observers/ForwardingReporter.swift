import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reconciler
import Reports

extension Daemon {
  /// A subscriber in addition to the status writer, such as a display. It receives the same events in the same order.
  public struct Observer: Sendable {
    public var commit: @Sendable (CommitReport) async -> Void
    /// The path is the file of the cluster; it is given if the cluster has stalled and needs a person to act.
    public var cluster: @Sendable (ObjectReference, ClusterStatus?, _ path: String?) async -> Void
    public var clusterGone: @Sendable (ObjectReference) async -> Void
    /// Receives all blocked changes each time that they change.
    public var blocked: @Sendable (BlockedChangeList) async -> Void
    /// Receives the end of each fetch, with the error if it failed.
    public var fetched: @Sendable (_ problem: String?) async -> Void
    /// Receives each head that is reconciled.
    public var head: @Sendable (_ commit: String) async -> Void

    /// - Parameter cluster: receives the path of the cluster's file if the cluster has stalled and needs a person to
    ///   act.
    public init(
      commit: @escaping @Sendable (CommitReport) async -> Void = { _ in },
      cluster: @escaping @Sendable (ObjectReference, ClusterStatus?, _ path: String?) async -> Void = {
        _, _, _ in
      },
      clusterGone: @escaping @Sendable (ObjectReference) async -> Void = { _ in },
      blocked: @escaping @Sendable (BlockedChangeList) async -> Void = { _ in },
      fetched: @escaping @Sendable (_ problem: String?) async -> Void = { _ in },
      head: @escaping @Sendable (_ commit: String) async -> Void = { _ in }
    ) {
      (self.commit, self.cluster, self.clusterGone) = (commit, cluster, clusterGone)
      (self.blocked, self.fetched, self.head) = (blocked, fetched, head)
    }
  }
}

/// Passes events on to a subscriber outside of the daemon, such as a display.
struct ForwardingReporter: ReconcileObserver {
  let observer: Daemon.Observer
  let api: any ClusterAPI

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .commit(let report): await observer.commit(report)
    case .cluster(let cluster):
      var path: String?
      if cluster.status?.stall != nil {
        let name = ObjectName(namespace: cluster.reference.namespace, name: cluster.reference.name)
        path = (try? await api.get(.clusters, name))?.annotation(Wire.Annotation.path)
      }
      await observer.cluster(cluster.reference, cluster.status, path)
    case .clusterGone(let reference): await observer.clusterGone(reference)
    case .blocked(let blocked): await observer.blocked(blocked)
    case .fetched(let error): await observer.fetched(error.map { "\($0)" })
    case .head(let commit, _): await observer.head(commit.hex)
    case .driftCorrected, .reverted: break
    }
  }
}
