import KubeDirector

// Forward: the template first, then one ordinal after another from the last to the first, each claimed before
// anything is done to it.
extension ClusterMachine {
  mutating func beginUpgrade(to wanted: String) {
    guard let new = app(wanted), let old = app(status.app) else { return }
    let commit = observed.cluster.metadata.annotations[Wire.Annotation.commit] ?? ""
    let info = UpgradeInfo(
      isRollingBack: false, prevApp: status.app, prevAppCatalog: status.appCatalog,
      id: "\(commit.prefix(12))-\(observed.cluster.metadata.generation)", startedAt: observed.now)
    tell(.upgradeBegan(from: status.app, to: wanted))
    status.upgradeInfo = info
    status.app = wanted
    status.appCatalog = observed.catalogs[wanted]
    status.state = .updating
    for role in status.roles.indices {
      let id = status.roles[role].id
      let changes = new.resolved(id)?.image != old.resolved(id)?.image
      status.roles[role].upgradeStatus = changes ? .upgrading : nil
    }
  }

  mutating func upgrade(_ role: Int, _ info: UpgradeInfo) {
    let id = status.roles[role].id
    let replicas = status.roles[role].members.count
    guard let set = observed.sets[id], let image = resolved(id, in: status.app)?.image else { return }
    guard set.image == image else {
      // No pod moves by this: the partition stays above every ordinal in the same update.
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .atRest))
      return
    }
    guard set.isObserved, !set.updateRevision.isEmpty else { return }
    guard let member = nextToUpgrade(role, info) else {
      finishUpgrade(role, set, replicas)
      return
    }
    if status.roles[role].members[member].upgrade?.id != info.id {
      status.roles[role].members[member].claim(.upgrading, id: info.id, revision: set.updateRevision, observed.now)
      tell(.podClaimed(pod: status.roles[role].members[member].pod, role: id, rollingBack: false))
    }
    let claimed = status.roles[role].members[member]
    guard claimed.podUpgradeStatus == .upgrading else { return }
    let strategy = SetStrategy.rollingUpdate(partition: member)
    guard set.strategy == strategy else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: strategy))
      return
    }
    // The set's controller replaces a healthy pod; one that is down it may leave as it is for ever.
    if let pod = observed.pods[claimed.pod], !pod.isBeingDeleted, !pod.isReady,
      pod.revision != set.updateRevision
    {
      actions.append(.deletePod(name: claimed.pod, uid: pod.uid, resourceVersion: pod.resourceVersion))
    }
  }

  /// The last member that this upgrade has not finished with.
  private func nextToUpgrade(_ role: Int, _ info: UpgradeInfo) -> Int? {
    let members = status.roles[role].members
    return members.indices.last { members[$0].upgrade?.id != info.id || members[$0].upgrade?.done != true }
  }

  private mutating func finishUpgrade(_ role: Int, _ set: SetObservation, _ replicas: Int) {
    let open = SetStrategy.rollingUpdate(partition: 0)
    guard set.strategy == open else {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: open))
      return
    }
    // Raised earlier, a pod that dies would come back with the old image.
    guard set.currentRevision == set.updateRevision else { return }
    status.roles[role].upgradeStatus = .upgraded
    tell(.roleDone(role: status.roles[role].id, rollingBack: false))
    keepAtRest(role)
  }

  /// The partition above every ordinal, with the template as it is.
  mutating func keepAtRest(_ role: Int) {
    let id = status.roles[role].id
    guard let set = observed.sets[id] else { return }
    // A role that the running upgrade does not change has the same image in both apps.
    guard resolved(id, in: status.app)?.image == set.image else { return }
    want(role, SetGoal(app: status.app, replicas: set.replicas, strategy: .atRest))
  }

  mutating func endWhenDone(_ info: UpgradeInfo) {
    let changing = status.roles.filter { $0.upgradeStatus == .upgrading || $0.upgradeStatus == .rollingBack }
    guard changing.isEmpty else { return }
    status.upgradeInfo = nil
    status.state = .configured
    for role in status.roles.indices {
      status.roles[role].upgradeStatus = nil
      for member in status.roles[role].members.indices {
        status.roles[role].members[member].upgrade = nil
        status.roles[role].members[member].podUpgradeStatus = nil
        status.roles[role].members[member].app = status.app
      }
    }
    tell(
      .upgradeEnded(
        app: status.app, rolledBack: info.isRollingBack, seconds: max(0, observed.now - info.startedAt)))
  }
}

extension MemberStatus {
  /// Puts into the ledger that this pod is now ours to replace. What an earlier attempt left is void.
  mutating func claim(_ step: PodUpgradeStatus, id: String, revision: String, _ now: Int) {
    podUpgradeStatus = step
    upgrade = Ledger(id: id, revision: revision, since: now)
    state = .creating
    detail.configError = nil
    detail.lastStdout = nil
    detail.lastStderr = nil
    detail.pendingNotifications.removeAll { $0.event == .podUpgraded || $0.event == .podReverted }
  }
}
