import Diagnostics
import GitStore
import KubeDirector

/// The stalled upgrades, and the results of their automatic reverts.
struct AutoRevertState {
  /// How an automatic revert ended.
  enum Result: Hashable {
    /// The reverting commit was pushed.
    case pushed
    /// A person has to revert the upgrade, for this reason.
    case impossible(String)
  }

  /// The clusters whose upgrade has stalled.
  private(set) var stalled: Set<ObjectReference> = []
  /// The last result for each cluster, with the commit that asked for the upgrade.
  private var results: [ObjectReference: (commit: ObjectID, result: Result)] = [:]

  /// Records whether a cluster's status has a stall.
  mutating func observe(_ cluster: ObjectReference, isStalled: Bool) {
    if isStalled { stalled.insert(cluster) } else { stalled.remove(cluster) }
  }

  /// Removes the state of a cluster that no longer exists.
  mutating func forget(_ cluster: ObjectReference) {
    stalled.remove(cluster)
    results[cluster] = nil
  }

  /// Whether the upgrade of a cluster by a commit was reverted, or cannot be. Each commit is reverted once.
  func isDone(_ cluster: ObjectReference, of commit: ObjectID) -> Bool { results[cluster]?.commit == commit }

  mutating func end(_ cluster: ObjectReference, of commit: ObjectID, _ result: Result) {
    results[cluster] = (commit, result)
  }

  /// The text to add to the report of a stall that could not be reverted automatically; nil if there is none.
  func obstacle(_ cluster: ObjectReference, of commit: ObjectID?) -> String? {
    guard let (known, result) = results[cluster], known == commit, case .impossible(let reason) = result
    else { return nil }
    return "the daemon cannot revert it automatically: \(reason)"
  }
}
