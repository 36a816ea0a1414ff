import KubeDirector

// Upgrade: writes the template first, then replaces one ordinal after another from the last to the first. Each pod is
// claimed before anything is done to it.
extension ClusterMachine {
  mutating func beginUpgrade(to wanted: String) {
    guard let new = app(wanted), let old = app(status.app), !lacksRole(wanted) else { return }
    let commit = observed.cluster.metadata.specCommit ?? ""
    // The id becomes the name of a folder in the pods.
    let stem = commit.prefix(12).filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
    let info = UpgradeInfo(
      isRollingBack: false, prevApp: status.app, prevAppCatalog: status.appCatalog,
      id: "\(stem)-\(observed.cluster.metadata.generation)", startedAt: observed.now)
    emit(.upgradeBegan(from: status.app, to: wanted))
    for role in status.roles.indices {
      let id = status.roles[role].id
      let changes = new.resolved(id)?.image != old.resolved(id)?.image
      status.roles[role].upgradeStatus = changes ? .upgrading : nil
      // Untouched members keep their current app, whatever app the cluster gets.
      for member in status.roles[role].members.indices where status.roles[role].members[member].app == nil {
        status.roles[role].members[member].app = status.app
      }
    }
    status.upgradeInfo = info
    status.app = wanted
    status.appCatalog = observed.catalogs[wanted]
    status.state = .updating
  }

  /// Whether the app lacks a role that the cluster has.
  func lacksRole(_ app: String) -> Bool {
    status.roles.contains { resolved($0.id, in: app) == nil }
  }

  mutating func upgrade(_ role: Int, _ info: UpgradeInfo) {
    let id = status.roles[role].id
    let replicas = status.roles[role].members.count
    guard let set = observed.sets[id] else {
      // The set was deleted externally. The old template is written first, so that no pod gets the new image out of
      // turn.
      want(role, SetGoal(app: info.prevApp, replicas: replicas, strategy: .atRest))
      return
    }
    guard let image = resolved(id, in: status.app)?.image else { return }
    guard set.image == image else {
      // This replaces no pod: the same update keeps the partition above every ordinal.
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .atRest))
      return
    }
    guard set.isObserved, !set.updateRevision.isEmpty else { return }
    guard let turn = nextToUpgrade(role, info, set) else {
      finishUpgrade(role, set, replicas)
      return
    }
    if !isClaimed(role, turn, info, set) {
      if let reason = reasonNotToClaim(role, turn, info, set) {
        waits.append(reason)
        return
      }
      claim(role, turn, .upgrading, info, revision: set.updateRevision)
    }
    let strategy = SetStrategy.rollingUpdate(partition: turn)
    guard set.strategy == strategy, set.replicas == replicas else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: strategy))
      return
    }
    // The set's controller replaces a healthy pod once no other pod is down. It may leave a pod that is down unchanged
    // forever.
    let member = status.roles[role].members[turn]
    if isDown(member) {
      replace(member.pod, unless: set.updateRevision)
    } else if isOnOther(revision: set.updateRevision, member),
      let other = status.roles[role].members.last(where: { isDown($0) })
    {
      waits.append(ProgressMessage.Wait(role: id, "for \(other.pod)"))
    }
  }

  /// The next member to upgrade: the one in progress, else the last one that this upgrade has not finished or that has
  /// lost its new image.
  private func nextToUpgrade(_ role: Int, _ info: UpgradeInfo, _ set: SetObservation) -> Int? {
    let members = status.roles[role].members
    let begun = members.indices.last {
      members[$0].upgrade?.id == info.id && members[$0].upgrade?.done == false
    }
    return begun
      ?? members.indices.last {
        members[$0].upgrade?.id != info.id || isOnOther(revision: set.updateRevision, members[$0])
      }
  }

  private mutating func finishUpgrade(_ role: Int, _ set: SetObservation, _ replicas: Int) {
    let open = SetStrategy.rollingUpdate(partition: 0)
    guard set.strategy == open, set.replicas == replicas else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: open))
      return
    }
    // If the partition were raised earlier, a pod that dies would be created again with the old image.
    guard set.currentRevision == set.updateRevision else { return }
    status.roles[role].upgradeStatus = .upgraded
    emit(.roleDone(role: status.roles[role].id, rollingBack: false))
    announceRole(role, .roleUpgraded)
    keepAtRest(role)
  }

  /// Keeps the partition above every ordinal and the template unchanged.
  mutating func keepAtRest(_ role: Int) {
    let replicas = status.roles[role].members.count
    // A role that the running upgrade does not change has the same image in both apps.
    want(role, SetGoal(app: status.app, replicas: replicas, strategy: .atRest))
  }
}
