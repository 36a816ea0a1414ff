import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

// Reports that follow the status of a live cluster.
extension CommitLedger {
  /// Updates the report of a cluster's applied change from its status.
  ///
  /// - Parameter obstacle: why a stalled upgrade was not reverted automatically.
  mutating func follow(_ live: Object, _ status: ClusterStatus?, obstacle: String? = nil) {
    let commit = owner(of: live.reference)
    update(live.reference) { report in
      guard report.change != .delete else { return report }
      var now = report.following(status, of: live, asAskedBy: commit)
      if now.phase == .failed, let message = now.message, let obstacle {
        now.message = "\(message); \(obstacle)"
      }
      return now
    }
  }

  /// Marks the deletion of a cluster as done.
  mutating func endDeletion(of cluster: ObjectReference) {
    update(cluster) { report in
      guard report.change == .delete, report.verdict == .accepted else {
        return report
      }
      var report = report
      report.phase = .done
      return report
    }
  }
}

extension ObjectReport {
  /// The report of a cluster whose commit is closed in the ledger.
  init(live: Object, _ status: ClusterStatus?) {
    let commit = Provenance(of: live).flatMap { ObjectID(hex: $0.specCommit) }
    let report = ObjectReport(
      kind: live.kind, namespace: live.namespace, name: live.name,
      change: live.changeKind ?? .none, verdict: .accepted, phase: .done)
    self = report.following(status, of: live, asAskedBy: commit)
  }

  /// The report, updated from a cluster's status. Unchanged if the status still describes an earlier spec.
  fileprivate func following(
    _ status: ClusterStatus?, of live: Object, asAskedBy commit: ObjectID?
  ) -> ObjectReport {
    guard let status, let commit, status.specCommit == commit.hex,
      status.observedGeneration >= live.generation, status.app == live.json["spec"]?["app"]?.string
    else { return awaited(by: status) }
    return following(status)
  }
}

extension Array where Element: Hashable {
  /// The elements without duplicates, in the order of their first appearance.
  var uniqued: [Element] {
    var found: Set<Element> = []
    return filter { found.insert($0).inserted }
  }
}
