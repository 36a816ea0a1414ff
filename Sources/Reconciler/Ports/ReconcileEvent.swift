import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Reports

/// An event that a reconciler reports to its observers.
public enum ReconcileEvent: Sendable {
  /// The status report of a commit has changed. Every verdict on an object is in the report of its commit.
  case commit(CommitReport)
  /// A cluster of this installation has changed, or its report has.
  case cluster(ClusterState)
  /// A cluster no longer exists.
  case clusterGone(ObjectReference)
  /// All blocked changes, when they may have changed.
  case blocked(BlockedChangeList)
  /// A new head is reconciled, with this layout of its files.
  case head(ObjectID, RepositoryLayout)
  /// Drift was corrected: the object, shown as it was before, matches its file at this path again.
  case driftCorrected(Object, path: String)
  /// A commit of the daemon has reverted a cluster's stalled upgrade.
  case reverted(Object, by: ObjectID)
  /// A fetch has ended, with the error if it failed.
  case fetched(GitError?)
  /// A pass has applied the commit that is reconciled, nil if there is none. It answers the requests to fetch that were
  /// made before the last fetch.
  case reconciled(ObjectID?, requests: [SyncID])

  /// The present state of a cluster of this installation.
  public struct ClusterState: Sendable {
    public var reference: ObjectReference
    /// The path of its file; nil if kdops did not apply the cluster from a file.
    public var path: String?
    /// Nil if the engine has not observed the cluster yet.
    public var status: ClusterStatus?
    /// The roles of a running upgrade that have passed their point of no return.
    public var rolesPastNoReturn: Set<String>
    /// The report of the last change of the cluster.
    public var report: ObjectReport?
  }
}

/// A subscriber of a reconciler. Subscribers receive the events in their order, one at a time.
public protocol ReconcileObserver: Sendable {
  /// Handles an event. The reconciler continues when all subscribers have returned.
  func handle(_ event: ReconcileEvent) async
}
