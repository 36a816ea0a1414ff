import ClusterAPI
import Diagnostics
import KubeDirector
import Reports

/// Decides whether all clusters have reached what the daemon fetched.
public enum SyncCondition {
  /// A rejected change and a stalled cluster fail, because they need someone to act. A change that waits is pending.
  public static func evaluate(_ clusters: [Object], blocked: BlockedChangeList) -> WaitCondition.Result {
    let rejected = blocked.changes.filter { $0.verdict == .rejected }
    if let first = rejected.first {
      let subject = rejected.count == 1 ? "a change is" : "\(rejected.count) changes are"
      return .failed("\(subject) rejected: \(first.object): \(first.message)")
    }
    var pending: WaitCondition.Result?
    for cluster in clusters {
      let reference = ObjectReference(
        kind: Wire.clusterKind, namespace: cluster.namespace, name: cluster.name)
      let result = WaitCondition(reference, .configured).evaluate(cluster, blocked: BlockedChangeList())
      switch result {
      case .reached: break
      case .failed: return result
      case .pending: pending = pending ?? result
      }
    }
    if let pending { return pending }
    let waiting = blocked.changes.filter { $0.verdict == .waiting }
    if let first = waiting.first {
      let count = waiting.count + blocked.omitted
      let subject = count == 1 ? "a change waits" : "\(count) changes wait"
      return .pending("\(subject): \(first.object): \(first.message)")
    }
    return .reached("\(clusters.count == 1 ? "1 cluster is" : "\(clusters.count) clusters are") configured")
  }
}
