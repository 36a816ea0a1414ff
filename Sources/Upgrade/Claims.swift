import KubeDirector

// The claim: what is written into the status before a pod is touched, and when it may be.
extension ClusterMachine {
  /// True where the member is claimed for the way that the upgrade goes now, and for the revision it goes to.
  func isClaimed(_ role: Int, _ member: Int, _ info: UpgradeInfo, _ set: SetObservation) -> Bool {
    let member = status.roles[role].members[member]
    guard let ledger = member.upgrade else { return false }
    let goal = goal(member, info, set)
    return ledger.id == info.id && ledger.revision == goal
      && !(ledger.done && isOnOther(revision: goal, member))
  }

  /// The revision that the member's pod is to have: the set's. On the way back the one that it has, where the upgrade
  /// claimed the pod and never moved it: that is the old template as well, as the daemon of its time spelled it.
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

  /// True for a pod that is there to stay, and does not have the revision.
  func isOnOther(revision: String, _ member: MemberStatus) -> Bool {
    guard let pod = observed.pods[member.pod], !pod.isBeingDeleted else { return false }
    return pod.revision != revision
  }

  /// Puts into the ledger that this pod is now ours to replace. What an earlier attempt left is void.
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
    // A pod that has the revision already gets package and script all the same, in the container it has.
    member.detail.lastConfiguredContainer = nil
    member.detail.pendingNotifications.removeAll { $0.event == .podUpgraded || $0.event == .podReverted }
    let id = status.roles[role].id
    // Before it is made: a daemon that is killed meanwhile shall know of it.
    if !info.isRollingBack, hasStorage(id), resolved(id, in: status.app)?.package != nil {
      member.detail.backup = info.id
    }
    status.roles[role].members[index] = member
    tell(.podClaimed(pod: member.pod, role: status.roles[role].id, rollingBack: info.isRollingBack))
  }

  /// Why a pod may not be taken out of service yet, in words; nil where it may.
  ///
  /// On the way forward every pod that the upgrade replaced must be well, and before a healthy pod goes, all others
  /// too. On the way back what is out of service is replaced at any time; a healthy pod waits for those that are
  /// back already, and for no others: nothing that ails the role may stand in the way of a rollback.
  func reasonNotToClaim(_ role: Int, _ turn: Int, _ info: UpgradeInfo, _ set: SetObservation) -> String? {
    if let reason = reasonNotInTurn(role, info) { return reason }
    let members = status.roles[role].members
    let id = status.roles[role].id
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
    if let blocker { return "\(id) waits for \(members[blocker].pod)" }
    guard !isOut else { return nil }
    if isUnwell(members[turn]) { return "\(id) waits for \(members[turn].pod)" }
    if let reason = reasonToSpare(role, info) { return reason }
    if let budget = observed.budgets.first(where: {
      $0.roles.contains(id) && $0.allowed - claimed(of: $0) < 1
    }) {
      return "\(id) waits until PodDisruptionBudget \(budget.name) allows a disruption"
    }
    return nil
  }

  /// How many pods have been claimed that the budget does not count as down yet.
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

  /// Down, or not yet set up.
  func isUnwell(_ member: MemberStatus) -> Bool {
    isDown(member) || member.state != .configured || !member.detail.pendingNotifications.isEmpty
      || member.detail.lastConfiguredContainer != observed.pods[member.pod]?.containerID
  }

  /// Deletes the pod, with preconditions, where it is there to stay and does not have the revision.
  ///
  /// A node that is busy failing to pull an image can take a minute to let go of a pod. Where no container of it was
  /// ever started, nothing has to come to its end, and that minute would be for nothing.
  mutating func replace(_ name: String, unless revision: String) {
    guard let pod = observed.pods[name], !pod.isBeingDeleted, pod.revision != revision else { return }
    actions.append(
      .deletePod(
        name: name, uid: pod.uid, resourceVersion: pod.resourceVersion, immediately: !pod.hasRun))
  }
}
