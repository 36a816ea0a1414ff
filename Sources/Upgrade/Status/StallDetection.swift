import KubeDirector

/// How long a pod may take before that counts as a problem, in seconds.
enum Grace {
  /// How long a pod may be missing. A set's controller creates a pod within a second, and retries within some ten
  /// seconds after the server has refused it a few times.
  static let creation = 90
  /// How long a scheduled pod may exist without starting a container. Attaching volumes and pulling images of a few
  /// gigabytes takes a minute or two.
  static let start = 120
  /// How long a pod may exist beyond its grace period. On a working node the delay is a few seconds.
  static let end = 60
  /// How long a pod may be unschedulable. A new pod commonly fits no node until its volume is bound.
  static let scheduling = 20
}

// Finds the stall of a cluster. The remedy depends on the whole cluster; see `Remediation`.
extension Stall {
  /// The first member with a problem, in order of roles and from the last ordinal.
  public static func first(in status: ClusterStatus, now: Int, deadline: Int? = nil) -> Stall? {
    for role in status.roles {
      for member in role.members.reversed() {
        // The rollback replaces the pod, which ends its problem without intervention.
        if case .toRollBack = MemberStep(member, in: status) { continue }
        if let stall = of(member) { return stall }
      }
    }
    return deadline.flatMap { late(status, now: now, deadline: $0) }
  }

  /// A step that exceeded its deadline: that of one pod or, if no pod is in progress, the one that all pods wait for.
  private static func late(_ status: ClusterStatus, now: Int, deadline: Int) -> Stall? {
    for role in status.roles {
      for member in role.members.reversed() {
        if let stall = late(member, role, status, now: now, deadline: deadline) { return stall }
      }
    }
    guard let since = status.stepsSince.min(), now - since >= deadline else { return nil }
    let id = status.upgradeInfo?.id
    let open = status.roles.first { $0.upgradeStatus == .upgrading || $0.upgradeStatus == .rollingBack }
    let pod = open?.members.last { $0.upgrade?.id != id || $0.upgrade?.done == false } ?? open?.members.last
    return noProgress(pod?.pod ?? "", open?.id ?? status.app, since)
  }

  private static func late(
    _ member: MemberStatus, _ role: RoleStatus, _ status: ClusterStatus, now: Int, deadline: Int
  ) -> Stall? {
    guard let since = status.stepSince(of: member, in: role), now - since >= deadline else { return nil }
    return noProgress(member.pod, member.pod, since)
  }

  /// The stall of a pod without progress. The message has no duration: a text that changes with time would be written
  /// again and again.
  private static func noProgress(_ pod: String, _ name: String, _ since: Int) -> Stall {
    Stall(
      pod: pod, reason: .progressDeadlineExceeded,
      cause: "\(name): no progress since \(Timestamp.text(since))")
  }

  /// The stall of one member, including an exceeded deadline.
  static func of(
    _ member: MemberStatus, in role: RoleStatus, of status: ClusterStatus, now: Int, deadline: Int?
  ) -> Stall? {
    of(member) ?? deadline.flatMap { late(member, role, status, now: now, deadline: $0) }
  }

  public static func of(_ member: MemberStatus) -> Stall? {
    let detail = member.detail
    func stall(_ reason: StatusReason, _ words: String) -> Stall {
      Stall(pod: member.pod, reason: reason, cause: "\(member.pod): \(words)")
    }
    // Checked before failures in a container: if the next container cannot start, the failed one is gone.
    if let reason = detail.waitingReason, reason.needsIntervention || reason.isOverdue {
      return stall(reason, detail.waitingMessage.map { "\(reason): \(gist($0))" } ?? "\(reason)")
    }
    if let error = detail.schedulingError { return stall(.unschedulable, error) }
    if let error = detail.configError { return stall(.configError, error) }
    return nil
  }
}

extension Stall {
  /// The length above which a node's message is shortened to its first and its last clause.
  private static let gistLimit = 120

  /// The essential parts of a message to which each layer of a container runtime added a clause, for example
  /// `failed to pull and unpack image "spark:9": … not found`. The full text stays in the member's detail.
  static func gist(_ message: String) -> String {
    var text = message[...]
    // The kubelet quotes a runtime's error as `rpc error: code = Unknown desc = …`.
    if text.hasPrefix("rpc error: "), let start = text.firstRange(of: "desc = ") {
      text = text[start.upperBound...]
    }
    guard text.count > gistLimit, let first = text.firstRange(of: ": "),
      let last = text.ranges(of: ": ").last, first.upperBound < last.lowerBound
    else { return String(text) }
    return "\(text[..<first.lowerBound]): … \(text[last.upperBound...])"
  }
}
