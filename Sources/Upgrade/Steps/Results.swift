import KubeDirector

// Records the results of pod orders in the status.
extension ClusterMachine {
  /// Records that the package was installed in a container, or that the installation failed.
  ///
  /// A result that no longer matches what this container needs is ignored, and the installation is ordered again: the
  /// cluster may have changed meanwhile.
  mutating func installed(
    _ role: Int, _ index: Int, _ pod: PodObservation, _ order: PodOrder, _ result: PodResult
  ) {
    var member = status.roles[role].members[index]
    guard !member.isLeaving, member.detail.lastConfiguredContainer != order.containerID,
      step(of: member).allowsWork(in: pod.revision),
      case .install(let app, let mode, let basis) = order.task,
      case .install(app, mode, let now) = installation(role, member),
      // A failure does not depend on the cluster's state at that time, and is not retried automatically.
      basis == now || result.exitCode != 0
    else { return }
    let id = status.roles[role].id
    // Also after a failure: nothing is tried twice in one container automatically.
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
      if listener?.subscribes(event) == true {
        member.upgrade?.script = event
        member.detail.pendingNotifications.append(
          Notification(event: event, id: status.upgradeInfo?.id ?? ""))
      } else {
        finish(&member, id)
      }
    case .configured where member.upgrade?.done == false:
      // The container was killed while its script ran. The script runs again in the new container.
      member.upgrade?.containerID = order.containerID
      member.upgrade?.exitCode = nil
    case .configured, nil:
      if mode != .metadataOnly, listener?.subscribes(.configure) == true, !member.needsSetUp {
        member.detail.pendingNotifications.insert(Notification(event: .configure, id: ""), at: 0)
      }
    }
    member.state = member.needsSetUp ? .creating : .configured
    status.roles[role].members[index] = member
  }

  /// Records that a backup was removed. A failed removal is not retried: the next upgrade of this member replaces the
  /// old backup.
  mutating func backupDiscarded(_ role: Int, _ index: Int, _ id: String) {
    guard status.roles[role].members[index].detail.backup == id else { return }
    status.roles[role].members[index].detail.backup = nil
  }

  /// Records the end of a script.
  mutating func scriptEnded(
    _ role: Int, _ index: Int, _ container: String, _ notification: Notification, _ result: PodResult
  ) {
    var member = status.roles[role].members[index]
    guard member.detail.lastConfiguredContainer == container, member.state != .configError,
      let place = member.detail.pendingNotifications.firstIndex(of: notification)
    else { return }
    let isHook = notification.event == .podUpgraded || notification.event == .podReverted
    if isHook { member.upgrade?.exitCode = result.exitCode }
    guard result.exitCode == 0 else {
      // Moved to the front: this script is retried on request or reverted before all other pending ones.
      member.detail.pendingNotifications.remove(at: place)
      member.detail.pendingNotifications.insert(notification, at: 0)
      fail(
        role, index, &member, .script,
        notification.event == .refresh
          ? "configmeta.json could not be written again (\(result.words))"
          : "startscript \(notification.event.argument) \(result.scriptWords)",
        result)
      return
    }
    member.detail.pendingNotifications.remove(at: place)
    member.clearError()
    if isHook { finish(&member, status.roles[role].id) }
    if !member.isLeaving { member.state = member.needsSetUp ? .creating : .configured }
    status.roles[role].members[index] = member
  }

  private mutating func finish(_ member: inout MemberStatus, _ role: String) {
    member.upgrade?.done = true
    emit(
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
    emit(.podFailed(pod: member.pod, role: status.roles[role].id, reason: reason))
  }
}

extension PodResult {
  fileprivate var words: String {
    switch failure {
    case .notStarted(let reason), .ended(let reason): reason
    case nil: "exit \(exitCode)"
    }
  }

  /// Describes how a failed script ended.
  fileprivate var scriptWords: String {
    switch failure {
    case .notStarted(let reason): return "could not be run: \(reason)"
    case .ended(let reason): return "was ended: \(reason)"
    case nil: break
    }
    return exitCode == Self.timedOut
      ? "did not end in time (exit code \(exitCode))" : "ended with exit code \(exitCode)"
  }

  /// The exit code of `timeout` for a command that exceeded its limit.
  private static let timedOut = 124
}

extension MemberStatus {
  /// The notification whose script failed last. It is the first of the pending ones.
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
