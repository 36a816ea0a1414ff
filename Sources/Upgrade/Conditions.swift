import KubeDirector

// What people and programs read first: is it ready, is it moving, does it need somebody.
extension ClusterMachine {
  func conditions() -> [Condition] {
    let trouble = Trouble.first(in: status, now: observed.now, deadline: observed.settings.progressDeadline)
    let missing = missingApp()
    let stalled: (Bool, String, String) =
      if let missing {
        (true, "AppMissing", "app \(missing) is not in the cluster; put its file back")
      } else if let trouble, status.state != .configured {
        (true, trouble.reason, trouble.message)
      } else {
        (false, "NoTrouble", "")
      }
    return [
      condition(.ready, readiness(trouble)),
      condition(.progressing, progress(stalled: stalled.0)),
      condition(.stalled, stalled),
    ]
  }

  private func missingApp() -> String? {
    guard let info = status.upgradeInfo else { return observed.apps[status.app] == nil ? status.app : nil }
    return [status.app, info.prevApp].first { observed.apps[$0] == nil }
  }

  private func readiness(_ trouble: Trouble?) -> (Bool, String, String) {
    let down = status.members.filter { observed.pods[$0.pod]?.isReady != true || $0.state != .configured }
    if status.state == .configured, down.isEmpty {
      return (true, "Configured", "\(status.members.count) members run \(status.app)")
    }
    if let trouble { return (false, trouble.reason, trouble.message) }
    return (false, "MembersNotReady", "\(down.count) of \(status.members.count) members are not ready")
  }

  private func progress(stalled: Bool) -> (Bool, String, String) {
    guard status.state != .configured else { return (false, "Configured", "") }
    guard !stalled else { return (false, "Stalled", "") }
    guard let info = status.upgradeInfo else {
      return (true, status.state == .creating ? "Creating" : "Updating", "members are being set up")
    }
    return info.isRollingBack
      ? (true, "RollingBack", "from \(info.prevApp) back to \(status.app)")
      : (true, "Upgrading", "from \(info.prevApp) to \(status.app)")
  }

  /// Keeps the time of the last change of the condition's truth.
  private func condition(_ type: Condition.Kind, _ now: (Bool, String, String)) -> Condition {
    let before = observed.status?.condition(type)
    let since = before.flatMap { $0.status == now.0 ? $0.lastTransition : nil } ?? observed.now
    return Condition(type: type, status: now.0, reason: now.1, message: now.2, lastTransition: since)
  }
}

/// Why a cluster does not get on, in words.
public struct Trouble: Sendable, Hashable {
  public var pod: String
  /// One word in CamelCase.
  public var reason: String
  /// `analytics-worker-2: ErrImagePull registry.example/spark:9 (not found)`.
  public var message: String

  /// Reasons for which a container waits that no amount of waiting mends by itself.
  public static let hopeless: Set<String> = [
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
  ]

  /// The first member that is in trouble, in order of roles and from the last ordinal.
  public static func first(in status: ClusterStatus, now: Int, deadline: Int? = nil) -> Trouble? {
    for role in status.roles {
      for member in role.members.reversed() {
        if let trouble = of(member, now: now, deadline: deadline) { return trouble }
      }
    }
    return nil
  }

  public static func of(_ member: MemberStatus, now: Int, deadline: Int? = nil) -> Trouble? {
    let detail = member.detail
    func trouble(_ reason: String, _ words: String) -> Trouble {
      Trouble(pod: member.pod, reason: reason, message: "\(member.pod): \(words)")
    }
    if let error = detail.configError { return trouble("ConfigError", error) }
    if let reason = detail.waitingReason, hopeless.contains(reason) {
      return trouble(reason, detail.waitingMessage.map { "\(reason): \($0)" } ?? reason)
    }
    if let error = detail.schedulingError { return trouble("Unschedulable", error) }
    if let deadline, let ledger = member.upgrade, !ledger.done, now - ledger.since > deadline {
      return trouble("ProgressDeadlineExceeded", "no progress for \(now - ledger.since) s")
    }
    return nil
  }
}
