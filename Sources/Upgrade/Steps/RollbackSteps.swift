import KubeDirector

// Rollback: writes the old template first, with `OnDelete`, so that no controller replaces a pod by itself. Then it
// replaces every pod that the ledger records as touched: pods that are down first, then from the last to the first. A
// partition does not work here: the controller would delete the highest ordinal at once while the stuck pod is down,
// and in a finished role it would create pods from the new image again.
extension ClusterMachine {
  mutating func beginRollback(_ info: UpgradeInfo) {
    let left = status.app
    emit(.rollbackBegan(from: left, to: info.prevApp))
    status.upgradeInfo = UpgradeInfo(
      isRollingBack: true, prevApp: left, prevAppCatalog: status.appCatalog, id: info.id,
      startedAt: observed.now)
    status.app = info.prevApp
    status.appCatalog = info.prevAppCatalog
    withdrawAnnouncements(info)
    for role in status.roles.indices where status.roles[role].upgradeStatus != nil {
      status.roles[role].upgradeStatus = .rollingBack
    }
  }

  mutating func rollBack(_ role: Int, _ info: UpgradeInfo) {
    let id = status.roles[role].id
    let replicas = status.roles[role].members.count
    guard let set = observed.sets[id] else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .onDelete))
      return
    }
    guard let image = resolved(id, in: status.app)?.image else { return }
    guard status.roles[role].members.contains(where: { $0.upgrade?.id == info.id }) else {
      // No pod has the new image, so writing the old template with the partition at rest is sufficient.
      let rest = SetGoal(app: status.app, replicas: replicas, strategy: .atRest)
      if set.image == image, set.strategy == rest.strategy, set.isObserved {
        finishRollback(role)
      } else {
        want(role, rest)
      }
      return
    }
    guard set.image == image else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .onDelete))
      return
    }
    guard set.isObserved, !set.updateRevision.isEmpty else { return }
    guard let turn = nextToRollBack(role, info, set) else {
      settle(role, set, replicas)
      return
    }
    guard set.strategy == .onDelete, set.replicas == replicas else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .onDelete))
      return
    }
    let goal = goal(status.roles[role].members[turn], info, set)
    if !isClaimed(role, turn, info, set) {
      if let reason = reasonNotToClaim(role, turn, info, set) {
        waits.append(reason)
        return
      }
      claim(role, turn, .rollingBack, info, revision: goal)
    }
    replace(status.roles[role].members[turn].pod, unless: goal)
  }

  /// The next member to roll back, in this order: the one being rolled back; the one that the upgrade claimed and did
  /// not finish, because no other may be out of service beside it; one that is out of service, because it is down, has
  /// failed, or was restarted and is not set up; one that was only claimed; the last one that was touched.
  private func nextToRollBack(_ role: Int, _ info: UpgradeInfo, _ set: SetObservation) -> Int? {
    let members = status.roles[role].members
    func isBegun(_ index: Int) -> Bool { isClaimed(role, index, info, set) }
    let open = members.indices.filter { index in
      guard let ledger = members[index].upgrade, ledger.id == info.id else { return false }
      return !(ledger.done && isBegun(index))
    }
    func isInProgress(_ index: Int) -> Bool {
      members[index].upgrade?.done != true
        && (isDown(members[index]) || isOnOther(revision: goal(members[index], info, set), members[index]))
    }
    return open.last(where: isBegun)
      ?? open.last(where: isInProgress)
      ?? open.last { isDown(members[$0]) || members[$0].state == .configError }
      ?? open.last { members[$0].upgrade?.done == true && isUnwell(members[$0]) }
      ?? open.last { members[$0].upgrade?.done != true }
      ?? open.last
  }

  /// Finishes a role in which every touched pod is rolled back: now the set's current revision must follow.
  private mutating func settle(_ role: Int, _ set: SetObservation, _ replicas: Int) {
    // The old template as written today may differ from the one that untouched pods were made from. If the partition
    // were lowered, the set would replace them. Their revision is still the current one, so there is nothing to wait
    // for.
    let hasOtherRevisions = status.roles[role].members.contains {
      isOnOther(revision: set.updateRevision, $0)
    }
    if set.strategy == .onDelete, !hasOtherRevisions {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .rollingUpdate(partition: 0)))
    } else if hasOtherRevisions || set.currentRevision == set.updateRevision {
      finishRollback(role)
    }
  }

  private mutating func finishRollback(_ role: Int) {
    status.roles[role].upgradeStatus = .rolledBack
    emit(.roleDone(role: status.roles[role].id, rollingBack: true))
    announceRole(role, .roleReverted)
    keepAtRest(role)
  }
}
