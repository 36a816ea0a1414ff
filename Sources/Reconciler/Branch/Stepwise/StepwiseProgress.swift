import Diagnostics
import KubeDirector
import Reports

// `history: stepwise`: whether the next commit has to wait for work in progress.
extension Reconciler {
  /// The rules that block a change only until something else ends.
  private static let passingRules: Set<String> = [
    "cluster/busy", "cluster/role-read-only", "upgrade/configured", "rollback/only-prev-app", "rollback/once",
  ]

  /// Whether the next commit can be applied at once.
  var mayStep: Bool {
    settings.history == .stepwise && !branch.isSettled(at: desired.head)
      && branch.steps?.commits.isEmpty == false && !isUnderWay
  }

  /// Whether work is in progress that continues by itself. Work that needs a person or a later commit is no reason to
  /// wait.
  var isUnderWay: Bool {
    if pending.changes.objects.contains(where: { blocked[$0] == nil }) { return true }
    return ledger.unfinished.contains { reference in
      reference.kind == Wire.clusterKind && !needsIntervention(reference)
        && ledger.current(of: reference).contains(where: isUnderWay)
    }
  }

  private func isUnderWay(_ report: ObjectReport) -> Bool {
    if report.isUnderWay { return true }
    return report.phase == .waiting && Self.passingRules.isSuperset(of: report.rules)
      && liveState.status(of: report.reference)?.stall == nil
  }

  /// The clusters that are being upgraded, with their previous apps.
  var runningUpgrades: [ObjectReference: String] {
    var running: [ObjectReference: String] = [:]
    for reference in ledger.objects where reference.kind == Wire.clusterKind {
      guard let info = liveState.status(of: reference)?.upgradeInfo, !info.isRollingBack else { continue }
      running[reference] = info.prevApp
    }
    return running
  }

  func isSuspended(_ reference: ObjectReference) -> Bool {
    liveState.objects[reference]?.isSuspended == true
  }

  /// Whether the cluster continues only after an intervention: in the cluster itself or, if it waits for a connected
  /// cluster, in that one.
  func needsIntervention(_ reference: ObjectReference) -> Bool {
    if isSuspended(reference) { return true }
    guard liveState.status(of: reference)?.wait != nil,
      let cluster = liveState.objects[reference].flatMap({ Cluster($0.json) })
    else { return false }
    return cluster.spec.connections.clusters.contains { name in
      let neighbour = ObjectReference.cluster(reference.namespace, name)
      guard let status = liveState.status(of: neighbour), status.state != .configured else { return false }
      return status.stall != nil || isSuspended(neighbour)
    }
  }
}
