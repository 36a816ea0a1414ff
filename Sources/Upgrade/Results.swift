import KubeDirector

// What came of the orders, taken into the status.
extension ClusterMachine {
  /// Takes in that the package is in a container, or could not be brought there. What is not what this container
  /// needs now counts for nothing and is ordered again: the world may have turned while it was under way.
  mutating func installed(
    _ role: Int, _ index: Int, _ pod: PodObservation, _ order: PodOrder, _ result: PodResult
  ) {
    var member = status.roles[role].members[index]
    guard !member.isLeaving, member.detail.lastConfiguredContainer != order.containerID, isOurs(member, pod),
      case .install(let app, let mode, let basis) = order.task,
      case .install(app, mode, let now) = installation(role, member),
      // A failure does not go by what the cluster was like, and is not to be tried again by itself.
      basis == now || result.exitCode != 0
    else { return }
    let id = status.roles[role].id
    // Also of a failure: nothing is tried twice in one container by itself.
    member.detail.lastConfiguredContainer = order.containerID
    guard result.exitCode == 0 else {
      fail(role, index, &member, .install, "config package could not be installed (\(result.words))", result)
      return
    }
    member.app = app
    member.clearError()
    if member.state == .configError { member.state = .creating }
    let listener = resolved(id, in: app)
    switch member.podUpgradeStatus {
    case .upgrading, .rollingBack:
      let event: LifecycleEvent = member.podUpgradeStatus == .upgrading ? .podUpgraded : .podReverted
      member.podUpgradeStatus = .configured
      member.upgrade?.containerID = order.containerID
      if listener?.hears(event) == true {
        member.upgrade?.script = event
        member.detail.pendingNotifications.append(
          Notification(event: event, id: status.upgradeInfo?.id ?? ""))
      } else {
        finish(&member, id)
      }
    case .configured where member.upgrade?.done == false:
      // Killed during its hook: that hook, in the new container.
      member.upgrade?.containerID = order.containerID
      member.upgrade?.exitCode = nil
    case .configured, nil:
      if mode != .metadataOnly, listener?.hears(.configure) == true, !member.owesSetUp {
        member.detail.pendingNotifications.insert(Notification(event: .configure, id: ""), at: 0)
      }
    }
    member.state = member.owesSetUp ? .creating : .configured
    status.roles[role].members[index] = member
  }

  /// Takes in that a copy aside is gone. One that could not be removed is not tried again: the next upgrade of this
  /// member makes room for its own.
  mutating func discarded(_ role: Int, _ index: Int, _ id: String) {
    guard status.roles[role].members[index].detail.backup == id else { return }
    status.roles[role].members[index].detail.backup = nil
  }

  /// Takes in the end of a script.
  mutating func told(
    _ role: Int, _ index: Int, _ container: String, _ notification: Notification, _ result: PodResult
  ) {
    var member = status.roles[role].members[index]
    guard member.detail.lastConfiguredContainer == container, member.state != .configError,
      let place = member.detail.pendingNotifications.firstIndex(of: notification)
    else { return }
    let isHook = notification.event == .podUpgraded || notification.event == .podReverted
    if isHook { member.upgrade?.exitCode = result.exitCode }
    guard result.exitCode == 0 else {
      // In front: this is the one that is run again on request, or taken back, whatever else is owed.
      member.detail.pendingNotifications.remove(at: place)
      member.detail.pendingNotifications.insert(notification, at: 0)
      fail(
        role, index, &member, .script,
        "startscript \(notification.event.argument) "
          + (result.scriptWords),
        result)
      return
    }
    member.detail.pendingNotifications.remove(at: place)
    member.clearError()
    if isHook { finish(&member, status.roles[role].id) }
    if !member.isLeaving { member.state = member.owesSetUp ? .creating : .configured }
    status.roles[role].members[index] = member
  }

  private mutating func finish(_ member: inout MemberStatus, _ role: String) {
    member.upgrade?.done = true
    tell(
      .podDone(
        pod: member.pod, role: role, rollingBack: status.upgradeInfo?.isRollingBack ?? false,
        seconds: max(0, observed.now - (member.upgrade?.since ?? observed.now))))
  }

  private mutating func fail(
    _ role: Int, _ index: Int, _ member: inout MemberStatus, _ step: MemberStatus.Detail.FailedStep,
    _ reason: String, _ result: PodResult
  ) {
    member.state = .configError
    member.detail.configError = reason
    member.detail.failedStep = step
    member.detail.lastStdout = result.stdout.isEmpty ? nil : result.stdout
    member.detail.lastStderr = result.stderr.isEmpty ? nil : result.stderr
    status.roles[role].members[index] = member
    tell(.podFailed(pod: member.pod, role: status.roles[role].id, reason: reason))
  }
}

extension PodResult {
  fileprivate var words: String {
    switch failure {
    case .notStarted(let reason), .ended(let reason): reason
    case nil: "exit \(exitCode)"
    }
  }

  /// How a script ended that did not end well.
  fileprivate var scriptWords: String {
    switch failure {
    case .notStarted(let reason): return "could not be run: \(reason)"
    case .ended(let reason): return "was ended: \(reason)"
    case nil: break
    }
    return exitCode == Self.timedOut
      ? "did not end in time (exit code \(exitCode))" : "ended with exit code \(exitCode)"
  }

  /// What `timeout` answers for a command that it had to end.
  private static let timedOut = 124
}

extension MemberStatus {
  /// What its last script, which failed, was to tell. It stands first.
  var failedNotification: Notification? {
    guard state == .configError, detail.failedStep != .install else { return nil }
    return detail.pendingNotifications.first
  }

  mutating func clearError() {
    detail.configError = nil
    detail.failedStep = nil
    detail.lastStdout = nil
    detail.lastStderr = nil
  }
}
