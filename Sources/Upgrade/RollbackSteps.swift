import KubeDirector

// Back: the old template first, with OnDelete, so that no controller moves a pod by itself; then every pod that
// the ledger says was touched, what is down first, then from the last to the first. By partition it cannot be
// done: the controller would delete the highest ordinal at once while the stuck pod is down, and in a finished
// role recreate the new image.
extension ClusterMachine {
  mutating func beginRollback(_ info: UpgradeInfo) {
    let left = status.app
    tell(.rollbackBegan(from: left, to: info.prevApp))
    status.upgradeInfo = UpgradeInfo(
      isRollingBack: true, prevApp: left, prevAppCatalog: status.appCatalog, id: info.id, startedAt: observed.now)
    status.app = info.prevApp
    status.appCatalog = info.prevAppCatalog
    for role in status.roles.indices where status.roles[role].upgradeStatus != nil {
      status.roles[role].upgradeStatus = .rollingBack
    }
  }

  mutating func rollBack(_ role: Int, _ info: UpgradeInfo) {
    let id = status.roles[role].id
    let replicas = status.roles[role].members.count
    guard let set = observed.sets[id], let image = resolved(id, in: status.app)?.image else { return }
    let touched = status.roles[role].members.contains { $0.upgrade?.id == info.id }
    guard touched else {
      // Nothing has the new image; the old template at rest is all that is needed.
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
    guard let member = nextToRollBack(role, info, set) else {
      settle(role, set, replicas)
      return
    }
    guard set.strategy == .onDelete else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .onDelete))
      return
    }
    if status.roles[role].members[member].upgrade?.revision != set.updateRevision {
      status.roles[role].members[member].claim(
        .rollingBack, id: info.id, revision: set.updateRevision, observed.now)
      tell(.podClaimed(pod: status.roles[role].members[member].pod, role: id, rollingBack: true))
    }
    let claimed = status.roles[role].members[member]
    if claimed.podUpgradeStatus == .rollingBack, let pod = observed.pods[claimed.pod], !pod.isBeingDeleted,
      pod.revision != set.updateRevision
    {
      actions.append(.deletePod(name: claimed.pod, uid: pod.uid, resourceVersion: pod.resourceVersion))
    }
  }

  /// The member whose turn it is: the one being rolled back; else what is down on the wrong revision; else what
  /// the upgrade had not finished; else the last one that was touched.
  private func nextToRollBack(_ role: Int, _ info: UpgradeInfo, _ set: SetObservation) -> Int? {
    let members = status.roles[role].members
    let open = members.indices.filter { index in
      guard let ledger = members[index].upgrade, ledger.id == info.id else { return false }
      return !(ledger.revision == set.updateRevision && ledger.done)
    }
    func isClaimed(_ index: Int) -> Bool { members[index].upgrade?.revision == set.updateRevision }
    func isDown(_ index: Int) -> Bool { observed.pods[members[index].pod]?.isReady != true }
    return open.last(where: isClaimed)
      ?? open.last(where: isDown)
      ?? open.last { members[$0].upgrade?.done != true }
      ?? open.last
  }

  private mutating func settle(_ role: Int, _ set: SetObservation, _ replicas: Int) {
    let open = SetStrategy.rollingUpdate(partition: 0)
    if set.strategy == .onDelete {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: open))
    } else if set.currentRevision == set.updateRevision {
      finishRollback(role)
    }
  }

  private mutating func finishRollback(_ role: Int) {
    status.roles[role].upgradeStatus = .rolledBack
    tell(.roleDone(role: status.roles[role].id, rollingBack: true))
    keepAtRest(role)
  }
}
