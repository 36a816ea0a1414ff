import KubeDirector
import Upgrade

// The end of a run, and the checks of the state in which it ends.
extension Stage {
  /// A daemon that has observed and done everything must have nothing to do until something happens.
  mutating func checkNothingIsLeft() {
    guard daemon.view != nil, daemon.life == nil, let decision = decision() else { return }
    if decision.status != status { violated("a status to write again, though nothing happened") }
    let busy = daemon.work
    let left = decision.actions.filter { action in
      switch action {
      case .wake: false
      case .order(let pod, _): busy[pod] == nil
      default: true
      }
    }
    if !left.isEmpty { violated("something to do again, though nothing happened: \(left)") }
    if self.decision() != decision { violated("the same sight, two decisions") }
  }

  /// Resolves all temporary failures and settles: in the desired state, or in a stall. A stalled upgrade is
  /// then rolled back as its message says. If that stalls too, the remaining failures are fixed by hand.
  mutating func end() {
    write("> everything that heals is healed")
    heal()
    rest()
    if let info = status?.upgradeInfo, !info.isRollingBack {
      write("> the upgrade is reverted")
      commit(app: info.prevApp)
      rest()
    }
    let isWell = status?.state == .configured && pods.values.allSatisfy(\.isAvailable)
    guard !isWell else { return }
    write("> everything is repaired by hand")
    exitCodes = [:]
    for image in badImages.sorted() { repair(image: image) }
    retryWhatFailed()
    rest()
    if self.status?.state != .configured { violated("stalled though nothing ails it any more") }
    if self.status?.condition(.ready)?.status != true {
      violated("not ready though nothing ails it any more")
    }
  }

  /// Requests a retry of each failed script, once, without deleting anything. That must suffice.
  private mutating func retryWhatFailed() {
    settle()
    var asked: Set<String> = []
    while let failed = status?.members.first(where: { $0.state == .configError }) {
      guard asked.insert("\(failed.pod) \(failed.detail.pendingNotifications.count)").inserted else {
        return violated("a retry does not fix what failed in \(Self.short(failed.pod))")
      }
      annotate(Wire.Annotation.retry, "\(failed.pod) \(fresh())")
      settle()
    }
  }

  private mutating func heal() {
    daemon.life = nil
    staleArrives()
    annotate(Wire.Annotation.suspend, nil)
    slowPods = []
    unreadyPods = []
    exitCodes = exitCodes.filter { !$0.key.hasSuffix("*") }
    for role in sets.keys { sets[role]?.disruptionsAllowed = nil }
    if let marks = connections?.marks { connect(marks) }
    for image in badImages.subtracting(missingImages).sorted() { repair(image: image) }
  }

  /// Settles, and checks the resulting state.
  private mutating func rest() {
    guard settle() else { return violated("does not come to rest") }
    checkNothingIsLeft()
    guard let status else { return violated("no status") }
    let stall = status.stall
    observer.tally.ends[
      status.state == .configured ? "configured" : stall?.reason.rawValue ?? "nowhere", default: 0] += 1
    if status.state == .configured {
      if stall != nil { violated("stalled though configured") }
      checkAsGitSays(status)
    } else if stall == nil {
      violated("ended in \(status.state.rawValue) without a stall: \(status.conditions.map(\.message))")
    } else {
      checkTruth(of: stall)
      for role in status.roles where !isHeldBack(role, status) { checkIndependence(role) }
    }
  }

  private mutating func checkAsGitSays(_ status: ClusterStatus) {
    if status.app != cluster.spec.app { violated("ended at \(status.app), wanted \(cluster.spec.app)") }
    for role in cluster.spec.roles {
      let resolved = apps[status.app]?.resolved(role.id)
      guard let set = sets[role.id], set.image == resolved?.image, set.strategy == .atRest else {
        violated("set \(role.id) is not at rest: \(String(describing: sets[role.id]))")
        continue
      }
      let mine = pods.values.filter { $0.role == role.id }
      let names = (0..<(role.members ?? 0)).map { "\(set.name)-\($0)" }
      if mine.map(\.name).sorted() != names.sorted() { violated("pods of \(role.id): \(mine.map(\.name))") }
      for pod in mine { checkServing(pod, resolved) }
    }
    if status.connections?.marks ?? [:] != connections?.marks ?? [:] {
      violated("members know \(status.connections?.marks ?? [:]) of what they are connected to")
    }
    if status.observedGeneration != cluster.metadata.generation { violated("the last commit is never done") }
    if sets.count != cluster.spec.roles.count { violated("sets \(sets.keys.sorted())") }
  }

  private mutating func checkServing(_ pod: StagePod, _ role: ResolvedRole?) {
    let name = Self.short(pod.name)
    if pod.image != role?.image { violated("\(name) has \(pod.image)") }
    guard let container = pod.container.flatMap({ containers[$0] }) else {
      if !missingImages.contains(pod.image) { violated("\(name) has no container") }
      return
    }
    if role?.package != nil, container.package == nil { violated("\(name) has no package") }
    if !observer.setUp.contains(container.id) { violated("\(name) was never set up") }
    if container.running != nil { violated("configured while a script runs in \(name)") }
  }

  private mutating func checkTruth(of stall: Stall?) {
    guard let stall, let name = stall.pod, let pod = pods[name] else {
      return violated("a stall that names no pod: \(stall?.message ?? "")")
    }
    let isTrue =
      if stall.reason == .configError {
        pod.container.flatMap { containers[$0] }?.hasFailed ?? false
      } else {
        // Between two attempts the node reports ImagePullBackOff; the error of the last attempt is the better
        // reason.
        pod.waitingReason != nil && [.errImagePull, .imagePullBackOff].contains(stall.reason)
          && badImages.contains(pod.image)
      }
    if !isTrue { violated("a stall whose reason is not true: \(stall.message)") }
  }

  /// A failure in one role stops no other role, unless the upgrade settings say so: a role that has not
  /// finished must have a failure of its own.
  private mutating func checkIndependence(_ role: RoleStatus) {
    guard role.isOpen else { return }
    let isHeldUp = pods.values.contains { pod in
      pod.role == role.id
        && (pod.waitingReason != nil || pod.container.flatMap { containers[$0] }?.hasFailed == true)
    }
    if !isHeldUp { violated("\(role.id) does not go on, and nothing ails it") }
  }
}
