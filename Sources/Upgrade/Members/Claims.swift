import KubeDirector

// The claim: what is written to the status before a pod is touched, and the conditions for claiming.
extension ClusterMachine {
  /// Whether the member is claimed for the upgrade's current direction and target revision.
  func isClaimed(_ role: Int, _ member: Int, _ info: UpgradeInfo, _ set: SetObservation) -> Bool {
    let member = status.roles[role].members[member]
    guard let ledger = member.upgrade else { return false }
    let goal = goal(member, info, set)
    return ledger.id == info.id && ledger.revision == goal
      && !(ledger.done && isOnOther(revision: goal, member))
  }

  /// The revision that the member's pod should have: the set's update revision.
  /// In a rollback, a pod that the upgrade claimed but never moved keeps the revision that it has. That revision is
  /// the old template too, as an earlier version of the daemon wrote it.
  func goal(_ member: MemberStatus, _ info: UpgradeInfo, _ set: SetObservation) -> String {
    guard info.isRollingBack, let ledger = member.upgrade, ledger.id == info.id,
      let pod = observed.pods[member.pod], !pod.isBeingDeleted, pod.revision == set.currentRevision
    else { return set.updateRevision }
    let isKept =
      switch member.podUpgradeStatus {
      case .upgrading: pod.revision != ledger.revision
      case .rollingBack: pod.revision == ledger.revision
      case .configured: pod.revision == ledger.revision && member.app == status.app
      case nil: false
      }
    return isKept ? pod.revision : set.updateRevision
  }

  /// Whether the member has a pod that is not being deleted and has another revision.
  func isOnOther(revision: String, _ member: MemberStatus) -> Bool {
    guard let pod = observed.pods[member.pod], !pod.isBeingDeleted else { return false }
    return pod.revision != revision
  }

  /// Records in the upgrade ledger that this pod may now be replaced. Discards the state of earlier attempts.
  mutating func claim(
    _ role: Int, _ index: Int, _ step: MemberStatus.PodUpgradeStatus, _ info: UpgradeInfo, revision: String
  ) {
    var member = status.roles[role].members[index]
    member.podUpgradeStatus = step
    member.upgrade = MemberStatus.Ledger(id: info.id, revision: revision, since: observed.now)
    member.state = .creating
    member.clearError()
    member.detail.waitingReason = nil
    member.detail.waitingMessage = nil
    member.detail.schedulingError = nil
    // A pod that already has the revision still gets package and script, in the container that it has.
    member.detail.lastConfiguredContainer = nil
    member.detail.pendingNotifications.removeAll { $0.event == .podUpgraded || $0.event == .podReverted }
    let id = status.roles[role].id
    // Recorded before the backup is made, so that a daemon that is killed meanwhile finds it after the restart.
    if !info.isRollingBack, hasStorage(id), resolved(id, in: status.app)?.package != nil {
      member.detail.backup = info.id
    }
    status.roles[role].members[index] = member
    emit(.podClaimed(pod: member.pod, role: status.roles[role].id, rollingBack: info.isRollingBack))
  }

  /// Why a pod must not be taken out of service yet, as a wait of its role; nil if it may be.
  ///
  /// In an upgrade, every pod that the upgrade has replaced must be healthy. Before a healthy pod is taken, all other
  /// pods must be healthy too.
  ///
  /// In a rollback, a pod that is out of service is replaced at any time. A healthy pod waits only for pods that are
  /// already rolled back: no other problem in the role may block a rollback.
  func reasonNotToClaim(_ role: Int, _ turn: Int, _ info: UpgradeInfo, _ set: SetObservation)
    -> ProgressMessage.Wait?
  {
    if let reason = reasonNotInTurn(role, info) { return reason }
    let members = status.roles[role].members
    let id = status.roles[role].id
    func wait(_ what: String) -> ProgressMessage.Wait { ProgressMessage.Wait(role: id, what) }
    let isOut =
      isDown(members[turn]) || members[turn].state == .configError
      || info.isRollingBack && isUnwell(members[turn])
    let blocker = members.indices.last { index in
      guard index != turn else { return false }
      let isReplaced = members[index].upgrade?.id == info.id
      guard isUnwell(members[index]) else {
        return !info.isRollingBack && isReplaced && !isSteady(members[index])
      }
      if info.isRollingBack { return !isOut && isClaimed(role, index, info, set) }
      return !isOut || isReplaced
    }
    if let blocker { return wait("for \(members[blocker].pod)") }
    guard !isOut else { return nil }
    if isUnwell(members[turn]) { return wait("for \(members[turn].pod)") }
    if let reason = reasonToSpare(role, info) { return reason }
    if let budget = observed.budgets.first(where: {
      $0.roles.contains(id) && $0.allowed - claimed(of: $0) < 1
    }) {
      return wait("until PodDisruptionBudget \(budget.name) allows a disruption")
    }
    return nil
  }

  /// The number of claimed pods that the budget does not yet count as down.
  private func claimed(of budget: BudgetObservation) -> Int {
    guard let info = status.upgradeInfo else { return 0 }
    return status.roles.filter { budget.roles.contains($0.id) }.flatMap(\.members).count { member in
      guard let ledger = member.upgrade, ledger.id == info.id, !ledger.done else { return false }
      return !isDown(member) && isOnOther(revision: ledger.revision, member)
    }
  }

  func isDown(_ member: MemberStatus) -> Bool {
    guard let pod = observed.pods[member.pod] else { return true }
    return !pod.isReady || pod.isBeingDeleted
  }

  /// Whether the member's pod is down or not yet set up.
  func isUnwell(_ member: MemberStatus) -> Bool {
    isDown(member) || member.state != .configured || !member.detail.pendingNotifications.isEmpty
      || member.detail.lastConfiguredContainer != observed.pods[member.pod]?.containerID
  }

  /// Deletes the pod, with preconditions, if it is not being deleted already and has another revision.
  ///
  /// A node that is busy failing to pull an image can take a minute to release a pod. If no container of the pod was
  /// ever started, nothing has to shut down, so the pod is deleted immediately.
  mutating func replace(_ name: String, unless revision: String) {
    guard let pod = observed.pods[name], !pod.isBeingDeleted, pod.revision != revision else { return }
    actions.append(
      .deletePod(
        name: name, uid: pod.uid, resourceVersion: pod.resourceVersion, immediately: !pod.hasRun))
  }
}
