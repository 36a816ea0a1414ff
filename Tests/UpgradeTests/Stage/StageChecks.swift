import KubeDirector
import Upgrade

// Invariants, checked at the moment at which they would be violated.
extension Stage {
  private func info() -> UpgradeInfo? { status?.upgradeInfo }
  private func ledger(_ pod: String) -> MemberStatus? { status?.members.first { $0.pod == pod } }

  /// A pod is replaced for another image: it must be claimed, and no other claim may be open.
  mutating func checkReplacement(of pod: StagePod) {
    let name = Self.short(pod.name)
    guard let info = info(), let member = ledger(pod.name), member.upgrade?.id == info.id else {
      return violated("\(name) replaced without a claim")
    }
    if member.upgrade?.done == true { violated("\(name) replaced though done") }
    let others = status?.role(pod.role)?.members.filter { $0.pod != pod.name && $0.isClaimed(info) } ?? []
    if let other = others.first { violated("\(name) replaced while \(Self.short(other.pod)) is in hand") }
    checkTakingOut(pod, info)
  }

  /// The engine itself deletes a pod.
  mutating func checkDeletion(of pod: StagePod) {
    checkReplacement(of: pod)
    if let info = info(), pod.isAvailable, hasOldTemplate(pod.revision, pod.role, info) {
      violated("\(Self.short(pod.name)) deleted though it was never moved")
    }
  }

  /// During a rollback: the pod was made from the old template, in any encoding.
  private func hasOldTemplate(_ revision: String?, _ role: String, _ info: UpgradeInfo) -> Bool {
    guard info.isRollingBack, let app = status?.app, let image = apps[app]?.resolved(role)?.image else {
      return false
    }
    return (0..<Self.spellings).contains { revision == StageSet.revision(of: image, spelling: $0) }
  }

  mutating func checkOrder(_ order: PodOrder, in pod: StagePod) {
    let name = Self.short(pod.name)
    guard case .script(let notification, let app) = order.task else {
      if containers[order.containerID]?.running != nil { violated("install in \(name) beside a script") }
      return
    }
    let container = containers[order.containerID]
    let has = container?.package.flatMap { apps[$0]?.resolved(pod.role) }
    // A role with the same image has the same package in both apps.
    if has == nil || has?.package != apps[app]?.resolved(pod.role)?.package || has?.image != pod.image {
      violated("script of \(app) in \(name), which has \(container?.package ?? "none")")
    }
    if let running = container?.running, running != order.key { violated("two scripts at once in \(name)") }
    if notification.event == .podUpgraded || notification.event == .podReverted {
      if ledger(pod.name)?.upgrade == nil { violated("\(notification.event.argument) in untouched \(name)") }
      let wanted = status.flatMap { apps[$0.app]?.resolved(pod.role)?.image }
      if pod.image != wanted { violated("\(notification.event.argument) in \(name) with \(pod.image)") }
    }
  }

  /// Checks a status before it is written.
  mutating func checkStatus(_ new: ClusterStatus, over old: ClusterStatus?) {
    noteMembers(new, over: old)
    checkClaims(new, over: old)
    for role in new.roles {
      let before = old?.role(role.id)
      for (index, member) in role.members.enumerated() {
        let known = before.flatMap { $0.members.indices.contains(index) ? $0.members[index] : nil }
        if member.upgrade?.done == true, known?.upgrade?.done != true {
          checkDone(member, role.id, old ?? new)
        }
        if let info = new.upgradeInfo, member.isClaimed(info), known?.isClaimed(info) != true {
          checkClaim(member, role, info, new)
          checkTurn(of: member, role.id, info, new)
        }
      }
      if role.upgradeStatus == .upgraded, before?.upgradeStatus != .upgraded, let set = sets[role.id],
        set.currentRevision != set.updateRevision
      {
        violated("\(role.id) called upgraded before its revision is current")
      }
    }
    if new.state == .configured, old?.state != .configured { checkAtRest(new) }
    checkGeneration(new, over: old)
    let ids = new.members.map(\.nodeID)
    if Set(ids).count != ids.count || ids.contains(where: { $0 > new.lastNodeID }) {
      violated("node ids \(ids)")
    }
  }

  /// A reader of `configured` with a generation may assume that this generation is done.
  private mutating func checkGeneration(_ new: ClusterStatus, over old: ClusterStatus?) {
    checkAcknowledged(new, over: old)
    guard new.upgradeInfo == nil, new.state == .configured,
      new.observedGeneration == cluster.metadata.generation
    else { return }
    func early(_ what: String) { violated("generation \(new.observedGeneration) called done before \(what)") }
    if new.app != cluster.spec.app { early("\(cluster.spec.app) began") }
    for role in cluster.spec.roles where new.role(role.id)?.members.count != role.members {
      early("\(role.id) has its members")
    }
    for role in new.roles where cluster.spec.role(role.id) == nil { early("\(role.id) is gone") }
  }

  /// The generation of a commit with a new connection may be reported only when members are notified of it.
  /// During an upgrade that happens at the end, and a failure is reported first.
  private mutating func checkAcknowledged(_ new: ClusterStatus, over old: ClusterStatus?) {
    let generation = cluster.metadata.generation
    guard new.observedGeneration == generation, old?.observedGeneration != generation,
      new.state == .configured
    else { return }
    let unnotified = Set((connections?.marks ?? [:]).keys).symmetricDifference(
      (new.connections?.marks ?? [:]).keys)
    if let name = unnotified.min() {
      violated("generation \(generation) called done before members were notified of \(name)")
    }
  }

  private mutating func checkDone(_ member: MemberStatus, _ role: String, _ status: ClusterStatus) {
    let name = Self.short(member.pod)
    guard let id = member.upgrade?.containerID, let container = containers[id],
      let wanted = apps[status.app]?.resolved(role)
    else { return violated("\(name) done without a container") }
    if container.image != wanted.image { violated("\(name) done with \(container.image)") }
    if wanted.package != nil, container.package != status.app { violated("\(name) done without the package") }
    let hook: LifecycleEvent = status.upgradeInfo?.isRollingBack == true ? .podReverted : .podUpgraded
    let key = "\(hook.rawValue) \(status.upgradeInfo?.id ?? "")"
    if wanted.subscribes(hook), !container.hasSucceeded(key) {
      violated("\(name) done without \(hook.argument)")
    }
  }

  private mutating func checkClaim(
    _ member: MemberStatus, _ role: RoleStatus, _ info: UpgradeInfo, _ new: ClusterStatus
  ) {
    let app = new.app
    let name = Self.short(member.pod)
    let others = role.members.filter { $0.pod != member.pod }
    if others.contains(where: { $0.isClaimed(info) }) { violated("\(name) claimed beside another") }
    let finished = others.filter { $0.isFinished(info, app) }
    let view = daemon.view
    func isDown(_ pod: String) -> Bool { view?.pods[pod].map { !$0.isReady || $0.isBeingDeleted } ?? true }
    if !info.isRollingBack {
      let later = role.members.drop { $0.pod != member.pod }.dropFirst()
      if later.contains(where: { !$0.isFinished(info, app) }) { violated("\(name) claimed out of turn") }
      if let other = finished.first(where: { isDown($0.pod) }) {
        violated("\(name) claimed while \(Self.short(other.pod)), upgraded already, is down")
      }
      checkBudget(member, role, info, new)
      return
    }
    let waiting = others.filter { $0.upgrade?.id == info.id && !$0.isFinished(info, app) }
    func isBroken(_ member: MemberStatus) -> Bool {
      isDown(member.pod) || member.upgrade?.done != true || member.state != .configured
        || member.detail.lastConfiguredContainer != view?.pods[member.pod]?.containerID
    }
    guard let old = status?.members.first(where: { $0.pod == member.pod }) else { return }
    func isInHand(_ member: MemberStatus) -> Bool {
      member.upgrade?.done != true
        && (isDown(member.pod) || !hasOldTemplate(view?.pods[member.pod]?.revision, role.id, info))
    }
    if !isInHand(old), let other = waiting.first(where: isInHand) {
      violated("\(name) rolled back before \(Self.short(other.pod)), which the upgrade took")
    }
    let hasFailed =
      old.state == .configError || pods[member.pod]?.container.flatMap { containers[$0] }?.hasFailed == true
    if !isInHand(old), !isDown(member.pod), !hasFailed,
      let other = waiting.first(where: { isDown($0.pod) || $0.state == .configError })
    {
      violated("\(name) rolled back before \(Self.short(other.pod)), which is out of service")
    }
    guard !isBroken(old) else { return }
    checkBudget(member, role, info, new)
    if waiting.contains(where: isBroken) { violated("\(name) rolled back before a stuck one") }
    let order = role.members.map(\.pod)
    if let place = order.firstIndex(of: member.pod),
      waiting.contains(where: { (order.firstIndex(of: $0.pod) ?? 0) > place })
    {
      violated("\(name) rolled back out of turn")
    }
    if finished.contains(where: { isDown($0.pod) }) { violated("\(name) rolled back while another is down") }
  }

  /// A pod that is claimed while it serves must be allowed by its PodDisruptionBudget.
  private mutating func checkBudget(
    _ member: MemberStatus, _ role: RoleStatus, _ info: UpgradeInfo, _ new: ClusterStatus
  ) {
    checkMostOut(
      member, new, isInHand: { $0.isClaimed(info) },
      isDown: { [view = daemon.view] pod in
        view?.pods[pod].map { !$0.isReady || $0.isBeingDeleted } ?? true
      })
    guard sets[role.id]?.disruptionsAllowed == 0, let pod = daemon.view?.pods[member.pod], pod.isReady,
      !pod.isBeingDeleted, pod.containerID.map(observer.setUp.contains) == true
    else { return }
    violated("\(Self.short(member.pod)) claimed against its budget")
  }

  private mutating func checkAtRest(_ new: ClusterStatus) {
    checkPendingScripts(new)
    for role in new.roles {
      let wanted = apps[new.app]?.resolved(role.id)
      for member in role.members {
        let name = Self.short(member.pod)
        guard let id = member.detail.lastConfiguredContainer, let container = containers[id] else {
          violated("configured without a container of \(name)")
          continue
        }
        if container.image != wanted?.image { violated("configured with \(container.image) in \(name)") }
        let isSetUp = container.ended.allSatisfy {
          container.hasSucceeded($0.key) || container.isOutdated($0.key) || $0.key.hasPrefix("cluster_")
            || $0.key.hasPrefix("role_")
            || container.isReverted($0.key) { new.role($0)?.members.count ?? 0 }
        }
        if !isSetUp { violated("configured with a failure in \(name)") }
        if member.state != .configured || !member.detail.pendingNotifications.isEmpty {
          violated("configured while \(name) has a pending script")
        }
      }
    }
  }
}

extension MemberStatus {
  /// Claimed in the current direction of the upgrade.
  fileprivate func isClaimed(_ info: UpgradeInfo) -> Bool {
    guard let upgrade, upgrade.id == info.id, !upgrade.done else { return false }
    return !info.isRollingBack || podUpgradeStatus == .rollingBack || upgrade.script == .podReverted
  }

  fileprivate func isFinished(_ info: UpgradeInfo, _ app: String) -> Bool {
    guard let upgrade, upgrade.id == info.id, upgrade.done else { return false }
    return !info.isRollingBack || self.app == app
  }
}
