import KubeDirector

// One step of a role, in either direction: first the template of its set, then one pod after another.
//
// An upgrade writes the new template with the partition above every ordinal, and lowers the partition to each pod whose
// turn it is. A rollback writes the old template with `OnDelete`, so that no controller replaces a pod by itself, and
// deletes each pod. A partition does not work there: the controller would delete the highest ordinal at once while the
// stuck pod is down, and in a finished role it would create pods from the new image again.
extension ClusterMachine {
  mutating func advanceRole(_ role: Int, _ info: UpgradeInfo) {
    let id = status.roles[role].id
    let replicas = status.roles[role].members.count
    // With this goal the set replaces no pod by itself.
    let parked = SetGoal(
      app: status.app, replicas: replicas, strategy: info.isRollingBack ? .onDelete : .atRest)
    guard let set = observed.sets[id] else {
      // The set was deleted externally. Before an upgrade, the old template is written first, so that no pod gets the
      // new image out of turn.
      var goal = parked
      if !info.isRollingBack { goal.app = info.prevApp }
      return want(role, goal)
    }
    guard let image = resolved(id, in: status.app)?.image else { return }
    if info.isRollingBack, !status.roles[role].members.contains(where: { step(of: $0).isTouched }) {
      return restoreTemplate(role, set, image)
    }
    guard set.image == image else { return want(role, parked) }
    guard set.isObserved, !set.updateRevision.isEmpty else { return }
    let turn = turn(of: role, info, set)
    if info.isRollingBack {
      guard let next = turn.nextToRollBack else { return settle(role, set, replicas) }
      // Claim a member only when the set cannot replace any other pod by itself.
      guard set.strategy == parked.strategy, set.replicas == replicas else { return want(role, parked) }
      guard ensureClaim(role, next, info, turn) else { return }
      replace(status.roles[role].members[next].pod, unless: turn.members[next].goal)
    } else {
      guard let next = turn.nextToUpgrade else { return finishUpgrade(role, set, replicas) }
      guard ensureClaim(role, next, info, turn) else { return }
      move(role, next, set, replicas)
    }
  }

  /// Claims the member whose turn it is, unless it is claimed or has to wait.
  ///
  /// - Returns: whether it is claimed.
  private mutating func ensureClaim(_ role: Int, _ next: Int, _ info: UpgradeInfo, _ turn: RoleTurn) -> Bool {
    if turn.members[next].isClaimed { return true }
    if let reason = reasonNotToClaim(role, next, info, turn) {
      waits.append(reason)
      return false
    }
    claim(role, next, info, revision: turn.members[next].goal)
    return true
  }
}
