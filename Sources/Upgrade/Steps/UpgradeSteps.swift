import KubeDirector

// Upgrade: its beginning, the replacement of one pod, and its end in a role. Each pod is claimed before anything is done
// to it. See `advanceRole` for the order.
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

  /// Lets the set's controller replace the claimed pod, which it does once no other pod is down. It may leave a pod that
  /// is down unchanged forever, so such a pod is deleted.
  mutating func move(_ role: Int, _ next: Int, _ set: SetObservation, _ replicas: Int) {
    let strategy = SetStrategy.rollingUpdate(partition: next)
    guard set.strategy == strategy, set.replicas == replicas else {
      return want(role, SetGoal(app: status.app, replicas: replicas, strategy: strategy))
    }
    let member = status.roles[role].members[next]
    if health(of: member) == .down {
      replace(member.pod, unless: set.updateRevision)
    } else if isOnOther(revision: set.updateRevision, member),
      let other = status.roles[role].members.last(where: { health(of: $0) == .down })
    {
      waits.append(ProgressMessage.Wait(role: status.roles[role].id, "for \(other.pod)"))
    }
  }

  mutating func finishUpgrade(_ role: Int, _ set: SetObservation, _ replicas: Int) {
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
    want(role, SetGoal(app: status.app, replicas: replicas, strategy: restStrategy(role)))
  }

  /// The strategy of a role in which no pod must be replaced.
  ///
  /// KubeDirector's operator upgrades pods with `OnDelete`, which leaves the current revision of the set at the old
  /// template although all pods have the new one. Below the partition, a pod that dies would be created from it, with
  /// the old image. So the partition of an adopted set is 0 until the current revision has caught up. That replaces no
  /// pod, because none has another revision.
  func restStrategy(_ role: Int) -> SetStrategy {
    let catchesUp = SetStrategy.rollingUpdate(partition: 0)
    guard status.adopted != nil, let set = observed.sets[status.roles[role].id],
      set.strategy == .onDelete || set.strategy == catchesUp
    else { return .atRest }
    // Its revisions are those of an earlier template or strategy.
    guard set.isObserved else { return set.strategy }
    guard !set.updateRevision.isEmpty, set.currentRevision != set.updateRevision,
      !status.roles[role].members.contains(where: { isOnOther(revision: set.updateRevision, $0) })
    else { return .atRest }
    return catchesUp
  }
}
