import KubeDirector
import Upgrade

// The upgrade settings, derived again from the annotations, and checked against what happens.
extension Stage {
  /// The number of pods of the cluster that may be out of service; nil for one per role. Anything but a
  /// number of 1 or more counts as 1.
  private var mostOut: Int? {
    cluster.metadata.annotations[Wire.Annotation.maxUnavailable].map { max(1, Int($0) ?? 1) }
  }

  /// The roles that must be done before this one starts.
  private func forerunners(of role: String, _ info: UpgradeInfo) -> Set<String> {
    guard let order = cluster.metadata.annotations[Wire.Annotation.roleOrder] else { return [] }
    let stages = order.split(separator: ",").map { Set($0.split(separator: " ").map(String.init)) }
    func stage(_ role: String) -> Int { stages.firstIndex { $0.contains(role) } ?? stages.count }
    let own = stage(role)
    // A role that git has removed is deleted after the upgrade.
    let all = Set(roles.map(\.id)).union(status?.roles.map(\.id) ?? [])
    return all.filter { info.isRollingBack ? stage($0) > own : stage($0) < own }
  }

  /// A pod is claimed: the stage of its role must have started.
  mutating func checkTurn(of member: MemberStatus, _ role: String, _ info: UpgradeInfo, _ new: ClusterStatus)
  {
    let waited = forerunners(of: role, info)
    if !waited.isEmpty { observer.tally.claims["in a later stage", default: 0] += 1 }
    if let open = new.roles.first(where: { waited.contains($0.id) && $0.isOpen }) {
      violated("\(Self.short(member.pod)) claimed before \(open.id) is through")
    }
  }

  /// A pod that serves is claimed: the number of others out of service is limited. Pods that are down for
  /// another reason count only in an upgrade, not in a rollback.
  mutating func checkMostOut(
    _ member: MemberStatus, _ new: ClusterStatus, isInHand: (MemberStatus) -> Bool, isDown: (String) -> Bool
  ) {
    guard let mostOut, let info = new.upgradeInfo, !isDown(member.pod), serves(member.pod) else { return }
    observer.tally.claims["within a budget", default: 0] += 1
    let out = new.members.filter {
      $0.pod != member.pod && (isInHand($0) || !info.isRollingBack && isDown($0.pod))
    }
    guard out.count >= mostOut else { return }
    let names = out.map { Self.short($0.pod) }.joined(separator: ", ")
    violated("\(Self.short(member.pod)) claimed beside \(names), where \(mostOut) may be out of service")
  }

  /// Whether a pod is in service. A pod that is not set up in its current container, or in which something has failed,
  /// is not, so replacing it does not count as a disruption. The failure may be recorded in the same step that claims
  /// the pod.
  private func serves(_ pod: String) -> Bool {
    guard let id = pods[pod]?.container, let container = containers[id] else { return false }
    return observer.setUp.contains(id) && !container.hasFailed
      && status?.members.first { $0.pod == pod }?.isSetUp == true
  }

  /// True if a role is blocked by others: its stage has not started, or failures of others use up the budget.
  func isHeldBack(_ role: RoleStatus, _ status: ClusterStatus) -> Bool {
    guard let info = status.upgradeInfo else { return false }
    let waited = forerunners(of: role.id, info)
    if status.roles.contains(where: { waited.contains($0.id) && $0.isOpen }) { return true }
    guard let mostOut else { return false }
    let out = status.members.count { member in
      let pod = pods[member.pod]
      // A container that restarted does not serve before it is set up.
      let isSetUp = pod?.container.map(observer.setUp.contains) ?? false
      let isUnwell = pod?.isAvailable != true || member.state != .configured || !isSetUp
      return isUnwell || member.upgrade?.done == false
    }
    return out >= mostOut
  }
}

extension MemberStatus {
  fileprivate var isSetUp: Bool { state == .configured && detail.pendingNotifications.isEmpty }
}

extension RoleStatus {
  /// Whether pods of the role are in progress or still have to be changed.
  var isOpen: Bool { upgradeStatus == .upgrading || upgradeStatus == .rollingBack }
}
