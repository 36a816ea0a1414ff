import KubeDirector

// Transfers observations of pods into the status, and decides what a member's container still needs.
extension ClusterMachine {
  mutating func applyObservation(_ role: Int, _ index: Int) {
    var member = status.roles[role].members[index]
    let pod = observed.pods[member.pod]
    if member.state == .createPending, pod != nil { member.state = .creating }
    if member.state == .deletePending, pod?.isBeingDeleted == true { member.state = .deleting }
    applyStallReasons(&member, pod)
    applyDelay(&member, pod, status.roles[role], index)
    status.roles[role].members[index] = member
    guard let pod, !pod.isBeingDeleted else { return }
    if case .finished(let order, let result) = observed.work[member.pod], pod.containerID == order.containerID
    {
      switch order.task {
      case .install: installed(role, index, pod, order, result)
      case .script(let notification, _): scriptEnded(role, index, order.containerID, notification, result)
      case .discardBackup(let id, _): backupDiscarded(role, index, id)
      }
    } else if !isSuspended {
      settleWithoutPackage(role, index, pod)
    }
  }

  /// Marks a member as set up as soon as its pod is ready, if the app has no package for the role. A container
  /// without a package needs no files and no scripts from kdops.
  private mutating func settleWithoutPackage(_ role: Int, _ index: Int, _ pod: PodObservation) {
    let member = status.roles[role].members[index]
    guard pod.isReady, let container = pod.containerID, member.detail.lastConfiguredContainer != container,
      isStable(pod), case .install(let app, _, _) = installation(role, member),
      let resolved = resolved(status.roles[role].id, in: app), resolved.package == nil
    else { return }
    let order = PodOrder(
      role: status.roles[role].id, containerID: container, task: installation(role, member))
    installed(role, index, pod, order, PodResult(exitCode: 0))
  }

  private mutating func applyStallReasons(_ member: inout MemberStatus, _ pod: PodObservation?) {
    let before = (reason: member.detail.waitingReason, message: member.detail.waitingMessage)
    member.detail.waitingReason = nil
    member.detail.waitingMessage = nil
    member.detail.schedulingError = nil
    guard let pod, !pod.isBeingDeleted, !step(of: member).replaces(pod) else { return }
    applyScheduling(&member, pod)
    switch pod.waitingReason {
    case let reason? where reason.isPartOfAnyStart: return
    // Between two attempts the kubelet reports only that it waits. The error itself says more and does not flap.
    case .imagePullBackOff? where before.reason == .errImagePull:
      member.detail.waitingReason = before.reason
      member.detail.waitingMessage = before.message
    case let reason?:
      let isSame = reason == before.reason && reason.isBackOff
      member.detail.waitingReason = reason
      member.detail.waitingMessage = isSame ? before.message ?? pod.waitingMessage : pod.waitingMessage
    case nil:
      // A container in a crash loop runs for a moment between crashes. It is healthy only once it is set up.
      let isSetUp = member.detail.lastConfiguredContainer == pod.containerID || isSuspended
      guard let reason = before.reason, reason.needsIntervention, !(pod.isReady && isSetUp)
      else {
        return
      }
      member.detail.waitingReason = reason
      member.detail.waitingMessage = before.message
    }
  }

  /// Records that a pod is unschedulable, after a grace period: a new pod commonly fits no node until its volume is
  /// bound.
  private mutating func applyScheduling(_ member: inout MemberStatus, _ pod: PodObservation) {
    guard let error = pod.schedulingError else { return }
    let left = (pod.unschedulableSince ?? 0) + Grace.scheduling - observed.now
    if left > 0 {
      actions.append(.wake(after: left))
    } else {
      member.detail.schedulingError = error
    }
  }

  /// Requests what a container needs next, if anything: first the package, then the pending scripts one by one.
  mutating func setUp(_ role: Int, _ index: Int) {
    let member = status.roles[role].members[index]
    let id = status.roles[role].id
    guard !member.isLeaving, let pod = observed.pods[member.pod], pod.isContainerReady,
      !pod.isBeingDeleted, let container = pod.containerID
    else { return }
    let isInstalled = member.detail.lastConfiguredContainer == container
    if isInstalled, let app = member.app, pod.appLabel != app, observed.sets[id]?.selectsApp != true {
      actions.append(.label(pod: member.pod, app: app))
    }
    if case .running(let order) = observed.work[member.pod], order.containerID == container { return }
    guard step(of: member).allowsWork(in: pod.revision) else { return }
    if let reason = reasonNotToConnect, !isInstalled || !member.detail.pendingNotifications.isEmpty {
      if !waits.contains(reason) { waits.append(reason) }
      return
    }
    if !isInstalled {
      let task = installation(role, member)
      // Without a package there is nothing to install. `settleWithoutPackage` decides when the container counts as set
      // up.
      guard resolved(id, in: task.app)?.package != nil else { return }
      order(role, index, container, task)
    } else if member.state != .configError,
      let next = member.detail.pendingNotifications.first(where: { !isHeldBack($0) })
    {
      let app = member.app ?? status.app
      guard resolved(id, in: app)?.package != nil else { return }
      order(role, index, container, .script(next, app: app))
    } else if let id = member.detail.backup, id != status.upgradeInfo?.id {
      order(role, index, container, .discardBackup(id: id, app: member.app ?? status.app))
    }
  }

  private mutating func order(_ role: Int, _ index: Int, _ container: String, _ task: PodOrder.Task) {
    // Without the app there is nothing to install, and the script to run is unknown.
    guard app(task.app) != nil else { return }
    actions.append(
      .order(
        pod: status.roles[role].members[index].pod,
        PodOrder(role: status.roles[role].id, containerID: container, task: task)))
  }

  /// How the package is installed in a new container of this member.
  func installation(_ role: Int, _ member: MemberStatus) -> PodOrder.Task {
    let storage = hasStorage(status.roles[role].id)
    if let info = status.upgradeInfo, step(of: member).isOpen {
      return .install(
        app: status.app,
        info.isRollingBack ? .revert(id: info.id, backup: storage) : .upgrade(id: info.id, backup: storage),
        basis)
    }
    let app = member.app ?? status.app
    return .install(app: app, storage && member.state == .configured ? .metadataOnly : .fresh, basis)
  }
}

extension MemberStatus {
  var isLeaving: Bool { state == .deletePending || state == .deleting }

  /// Whether a script is pending without which the container is not set up.
  var needsSetUp: Bool {
    detail.pendingNotifications.contains { $0.event == .configure }
      || (podUpgradeStatus != nil && upgrade?.done == false)
  }
}
