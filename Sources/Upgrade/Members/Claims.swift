import KubeDirector

/// The members of one role during its turn in an upgrade or a rollback: their steps and their health, computed once.
struct RoleTurn {
  let members: [Member]

  struct Member {
    let step: MemberStep
    let health: PodHealth
    /// The revision that the member's pod should have.
    let goal: String
    /// Whether the member has a pod that is not being deleted and has another revision.
    let isOnOtherRevision: Bool

    /// Whether the member is claimed for the revision `goal`, in the current direction (upgrade or rollback).
    var isClaimed: Bool { step.revision == goal && !(step.isDone && isOnOtherRevision) }
  }

  /// The next member to upgrade: the one in progress, else the last one that this upgrade has not finished or that has
  /// lost its new image.
  var nextToUpgrade: Int? {
    members.lastIndex { $0.step.isOpen } ?? members.lastIndex { !$0.step.isTouched || $0.isOnOtherRevision }
  }

  /// The next member to roll back, in this order: the one being rolled back; the one that the upgrade claimed and did
  /// not finish, because no other may be out of service beside it; one that is out of service (down, failed, or
  /// restarted and not set up); one that was only claimed; the last one that was touched.
  var nextToRollBack: Int? {
    let open = members.indices.filter { index in
      let member = members[index]
      return member.step.isTouched && !(member.step.isDone && member.isClaimed)
    }
    func last(_ isNext: (Member) -> Bool) -> Int? { open.last { isNext(members[$0]) } }
    return last(\.isClaimed)
      ?? last { $0.step.isOpen && ($0.health == .down || $0.isOnOtherRevision) }
      ?? last { $0.health.isOutOfService }
      ?? last { $0.step.isDone && !$0.health.isSetUp }
      ?? last { $0.step.isOpen }
      ?? open.last
  }
}

// The claim: an entry in the status that is written before a pod is touched, and the conditions for claiming.
extension ClusterMachine {
  func turn(of role: Int, _ info: UpgradeInfo, _ set: SetObservation) -> RoleTurn {
    RoleTurn(
      members: status.roles[role].members.map { member in
        let step = step(of: member)
        let goal = goal(member, step, info, set)
        return RoleTurn.Member(
          step: step, health: health(of: member), goal: goal,
          isOnOtherRevision: isOnOther(revision: goal, member))
      })
  }

  /// The revision that the member's pod should have: the set's update revision. In a rollback, a pod that the upgrade
  /// claimed but never moved keeps the revision that it has. That revision has the old template too, in the form in
  /// which an earlier version of the daemon wrote it.
  private func goal(
    _ member: MemberStatus, _ step: MemberStep, _ info: UpgradeInfo, _ set: SetObservation
  ) -> String {
    guard info.isRollingBack, let pod = observed.pods[member.pod], !pod.isBeingDeleted,
      pod.revision == set.currentRevision, step.keeps(pod.revision)
    else { return set.updateRevision }
    return pod.revision
  }

  /// Whether the member has a pod that is not being deleted and has another revision.
  func isOnOther(revision: String, _ member: MemberStatus) -> Bool {
    guard let pod = observed.pods[member.pod], !pod.isBeingDeleted else { return false }
    return pod.revision != revision
  }

  /// Records in the upgrade ledger that this pod may now be replaced. Discards the state of earlier attempts.
  mutating func claim(_ role: Int, _ index: Int, _ info: UpgradeInfo, revision: String) {
    var member = status.roles[role].members[index]
    member.podUpgradeStatus = info.isRollingBack ? .rollingBack : .upgrading
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
  func reasonNotToClaim(
    _ role: Int, _ next: Int, _ info: UpgradeInfo, _ turn: RoleTurn
  ) -> ProgressMessage.Wait? {
    if let reason = reasonNotInTurn(role, info) { return reason }
    let id = status.roles[role].id
    func wait(for index: Int) -> ProgressMessage.Wait {
      ProgressMessage.Wait(role: id, "for \(status.roles[role].members[index].pod)")
    }
    let health = turn.members[next].health
    let isOut = health.isOutOfService || info.isRollingBack && !health.isSetUp
    let blocker = turn.members.indices.last { index in
      guard index != next else { return false }
      let other = turn.members[index]
      guard !other.health.isSetUp else {
        return !info.isRollingBack && other.step.isTouched && other.health == .unstable
      }
      if info.isRollingBack { return !isOut && other.isClaimed }
      return !isOut || other.step.isTouched
    }
    if let blocker { return wait(for: blocker) }
    guard !isOut else { return nil }
    if !health.isSetUp { return wait(for: next) }
    if let reason = reasonNotToDisrupt(role, info) { return reason }
    if let budget = observed.budgets.first(where: {
      $0.roles.contains(id) && $0.allowed - claimed(of: $0) < 1
    }) {
      return ProgressMessage.Wait(
        role: id, "until PodDisruptionBudget \(budget.name) allows a disruption")
    }
    return nil
  }

  /// The number of claimed pods that the budget does not yet count as down.
  private func claimed(of budget: BudgetObservation) -> Int {
    status.roles.filter { budget.roles.contains($0.id) }.flatMap(\.members).count { member in
      let step = step(of: member)
      guard step.isOpen, let revision = step.revision else { return false }
      return health(of: member) != .down && isOnOther(revision: revision, member)
    }
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
