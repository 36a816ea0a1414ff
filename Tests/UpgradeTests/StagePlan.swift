import KubeDirector
import Upgrade

// What the owners ask of an upgrade, said once more from the annotations alone, and held against what is done.
extension Stage {
  /// How many pods of the cluster may be out of service; nil for one a role. What is no number from 1 up counts as 1.
  private var mostOut: Int? {
    cluster.metadata.annotations[Wire.Annotation.maxUnavailable].map { max(1, Int($0) ?? 1) }
  }

  /// The roles whose turn has to be over before this one's begins.
  private func forerunners(of role: String, _ info: UpgradeInfo) -> Set<String> {
    guard let order = cluster.metadata.annotations[Wire.Annotation.roleOrder] else { return [] }
    let stages = order.split(separator: ",").map { Set($0.split(separator: " ").map(String.init)) }
    func stage(_ role: String) -> Int { stages.firstIndex { $0.contains(role) } ?? stages.count }
    let own = stage(role)
    // A role that git has taken away goes when the upgrade has ended.
    let all = Set(roles.map(\.id)).union(status?.roles.map(\.id) ?? [])
    return all.filter { info.isRollingBack ? stage($0) > own : stage($0) < own }
  }

  /// A pod is claimed: its role's turn must have come.
  mutating func checkTurn(of member: MemberStatus, _ role: String, _ info: UpgradeInfo, _ new: ClusterStatus)
  {
    let waited = forerunners(of: role, info)
    if !waited.isEmpty { observer.tally.claims["in a later stage", default: 0] += 1 }
    if let open = new.roles.first(where: { waited.contains($0.id) && $0.isOpen }) {
      violated("\(Self.short(member.pod)) claimed before \(open.id) is through")
    }
  }

  /// A pod that serves is claimed: so many others at most may be out of service. What is down for another reason
  /// counts on the way forward alone.
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

  /// False for a pod that has not been set up in the container it has, or in which something has failed: nothing is
  /// lost with it. The failure may be taken in by the very step that claims the pod.
  private func serves(_ pod: String) -> Bool {
    guard let id = pods[pod]?.container, let container = containers[id] else { return false }
    return observer.setUp.contains(id) && !container.hasFailed
      && status?.members.first { $0.pod == pod }?.isSetUp == true
  }

  /// True where a role that does not go on has nothing to do with it: its turn has not come, or what ails others uses
  /// up what may be out of service.
  func isHeldBack(_ role: RoleStatus, _ status: ClusterStatus) -> Bool {
    guard let info = status.upgradeInfo else { return false }
    let waited = forerunners(of: role.id, info)
    if status.roles.contains(where: { waited.contains($0.id) && $0.isOpen }) { return true }
    guard let mostOut else { return false }
    let out = status.members.count { member in
      let pod = pods[member.pod]
      // A container that came by itself serves nobody before it is set up.
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
  /// Its pods are on their way, or have it before them.
  var isOpen: Bool { upgradeStatus == .upgrading || upgradeStatus == .rollingBack }
}
