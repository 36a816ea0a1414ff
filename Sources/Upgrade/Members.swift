import KubeDirector

// What pods and scripts tell about a member, taken into the status; and what a member's container still needs.
extension ClusterMachine {
  /// Reasons to wait that are part of any start.
  private static let ordinaryReasons: Set<String> = ["ContainerCreating", "PodInitializing"]

  mutating func absorb(_ role: Int, _ index: Int) {
    var member = status.roles[role].members[index]
    let pod = observed.pods[member.pod]
    if member.state == .createPending, pod != nil { member.state = .creating }
    if member.state == .deletePending, pod?.isBeingDeleted == true { member.state = .deleting }
    let reason = pod?.waitingReason.flatMap { Self.ordinaryReasons.contains($0) ? nil : $0 }
    member.detail.waitingReason = reason
    member.detail.waitingMessage = reason == nil ? nil : pod?.waitingMessage
    member.detail.schedulingError = pod?.schedulingError
    status.roles[role].members[index] = member
    if case .finished(let order, let result) = observed.work[member.pod], let pod, !pod.isBeingDeleted,
      pod.containerID == order.containerID
    {
      switch order.task {
      case .install(let app, let mode): installed(role, index, order.containerID, app, mode, result)
      case .script(let notification, _): told(role, index, order.containerID, notification, result)
      }
    }
  }

  /// What a container needs next, if anything: first the package, then one owed script after another.
  mutating func setUp(_ role: Int, _ index: Int) {
    let member = status.roles[role].members[index]
    let id = status.roles[role].id
    guard let pod = observed.pods[member.pod], pod.isReady, !pod.isBeingDeleted,
      let container = pod.containerID, member.state != .deletePending, member.state != .deleting
    else { return }
    if let app = member.app, pod.appLabel != app { actions.append(.label(pod: member.pod, app: app)) }
    if case .running(let order) = observed.work[member.pod], order.containerID == container { return }
    guard isOurs(member, pod), member.state != .configError else { return }
    if member.detail.lastConfiguredContainer != container {
      order(role, index, container, installation(role, member))
    } else if let next = member.detail.pendingNotifications.first, !isHeldBack(next) {
      let app = member.app ?? status.app
      guard resolved(id, in: app)?.package != nil else { return }
      order(role, index, container, .script(next, app: app))
    }
  }

  private mutating func order(_ role: Int, _ index: Int, _ container: String, _ task: PodOrder.Task) {
    actions.append(
      .order(
        pod: status.roles[role].members[index].pod,
        PodOrder(role: status.roles[role].id, containerID: container, task: task)))
  }

  /// False for a pod that is about to be replaced, or that waits for its turn to be rolled back.
  private func isOurs(_ member: MemberStatus, _ pod: PodObservation) -> Bool {
    guard let info = status.upgradeInfo, let ledger = member.upgrade, ledger.id == info.id else { return true }
    switch member.podUpgradeStatus {
    case .upgrading: return !info.isRollingBack && pod.revision == ledger.revision
    case .rollingBack: return info.isRollingBack && pod.revision == ledger.revision
    case .configured: return !info.isRollingBack || member.app == status.app
    case nil: return true
    }
  }

  private func installation(_ role: Int, _ member: MemberStatus) -> PodOrder.Task {
    let storage = hasStorage(status.roles[role].id)
    if let info = status.upgradeInfo, let ledger = member.upgrade, ledger.id == info.id, !ledger.done {
      return .install(
        app: status.app,
        info.isRollingBack ? .revert(id: info.id, backup: storage) : .upgrade(id: info.id, backup: storage))
    }
    let app = member.app ?? status.app
    return .install(app: app, storage && member.state == .configured ? .metadataOnly : .fresh)
  }

  private mutating func installed(
    _ role: Int, _ index: Int, _ container: String, _ app: String, _ mode: PodOrder.Mode, _ result: PodResult
  ) {
    var member = status.roles[role].members[index]
    guard member.detail.lastConfiguredContainer != container else { return }
    let id = status.roles[role].id
    guard result.exitCode == 0 else {
      fail(&member, "config package could not be installed (exit \(result.exitCode))", result)
      status.roles[role].members[index] = member
      tell(.podFailed(pod: member.pod, role: id, reason: member.detail.configError ?? ""))
      return
    }
    member.detail.lastConfiguredContainer = container
    member.app = app
    let listens = resolved(id, in: app)
    switch member.podUpgradeStatus {
    case .upgrading, .rollingBack:
      let event: LifecycleEvent = member.podUpgradeStatus == .upgrading ? .podUpgraded : .podReverted
      member.podUpgradeStatus = .configured
      member.upgrade?.containerID = container
      if listens?.hears(event) == true {
        member.upgrade?.script = event
        member.detail.pendingNotifications.append(
          Notification(event: event, id: status.upgradeInfo?.id ?? ""))
      } else {
        finish(&member, id)
      }
    case .configured where member.upgrade?.done == false:
      member.upgrade?.containerID = container  // killed during its hook: that hook, in the new container
    case .configured, nil:
      if mode == .metadataOnly || listens?.hears(.configure) != true {
        member.state = .configured
      } else if !member.detail.pendingNotifications.contains(where: { $0.event == .configure }) {
        member.detail.pendingNotifications.insert(Notification(event: .configure, id: ""), at: 0)
        member.state = .creating
      }
    }
    status.roles[role].members[index] = member
  }

  private mutating func told(
    _ role: Int, _ index: Int, _ container: String, _ notification: Notification, _ result: PodResult
  ) {
    var member = status.roles[role].members[index]
    guard member.detail.lastConfiguredContainer == container,
      let place = member.detail.pendingNotifications.firstIndex(of: notification)
    else { return }
    let id = status.roles[role].id
    let isHook = notification.event == .podUpgraded || notification.event == .podReverted
    if isHook { member.upgrade?.exitCode = result.exitCode }
    if result.exitCode == 0 {
      member.detail.pendingNotifications.remove(at: place)
      member.detail.configError = nil
      member.detail.lastStdout = nil
      member.detail.lastStderr = nil
      if isHook { finish(&member, id) } else if notification.event == .configure { member.state = .configured }
    } else {
      fail(&member, "startscript \(notification.event.argument) ended with exit code \(result.exitCode)", result)
      tell(.podFailed(pod: member.pod, role: id, reason: member.detail.configError ?? ""))
    }
    status.roles[role].members[index] = member
  }

  private mutating func finish(_ member: inout MemberStatus, _ role: String) {
    member.upgrade?.done = true
    if member.detail.pendingNotifications.isEmpty { member.state = .configured }
    tell(
      .podDone(
        pod: member.pod, role: role, rollingBack: status.upgradeInfo?.isRollingBack ?? false,
        seconds: max(0, observed.now - (member.upgrade?.since ?? observed.now))))
  }

  private func fail(_ member: inout MemberStatus, _ reason: String, _ result: PodResult) {
    member.state = .configError
    member.detail.configError = reason
    member.detail.lastStdout = result.stdout.isEmpty ? nil : result.stdout
    member.detail.lastStderr = result.stderr.isEmpty ? nil : result.stderr
  }
}
