import KubeDirector

/// Why a cluster is stalled.
public struct StallReason: Sendable, Hashable {
  public var pod: String
  /// One word in CamelCase.
  public var reason: String
  /// For example `analytics-worker-2: ErrImagePull registry.example/spark:9 (not found)`.
  public var message: String

  /// A package could not be installed, or a script failed.
  static let configError = "ConfigError"

  /// Waiting reasons that are part of any start.
  static let ordinary: Set<String> = ["ContainerCreating", "PodInitializing"]

  /// Waiting reasons of a container that do not go away without a change from outside.
  public static let hopeless: Set<String> = [
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "ImageInspectError",
    "RegistryUnavailable", "PostStartHookError", "StartError",
  ]

  /// Reasons that kdops itself adds for a pod that does not start or does not terminate. Each ends once the pod does.
  public static let overdue: Set<String> = [notCreated, notStarted, notEnded]
  static let notCreated = "PodNotCreated"
  static let notStarted = "PodNotStarted"
  static let notEnded = "PodNotEnded"

  /// How long a pod may be missing, in seconds. A set's controller creates a pod within a second, and retries within
  /// some ten seconds after the server has refused it a few times.
  static let creationGrace = 90
  /// How long a scheduled pod may exist without starting a container, in seconds. Attaching volumes and pulling images
  /// of a few gigabytes takes a minute or two.
  static let startGrace = 120
  /// How long a pod may exist beyond its grace period, in seconds. On a working node the delay is a few seconds.
  static let endGrace = 60

  /// How long a pod may be unschedulable before that is reported, in seconds.
  static let schedulingGrace = 20

  /// For these reasons the message is ignored: it contains the length of the next wait and changes with every attempt.
  static let backOffs: Set<String> = ["ImagePullBackOff", "CrashLoopBackOff"]

  /// The first member with a stall reason, in order of roles and from the last ordinal.
  public static func first(in status: ClusterStatus, now: Int, deadline: Int? = nil) -> StallReason? {
    for role in status.roles {
      for member in role.members.reversed() where !status.isYetToRollBack(member) {
        if let stallReason = of(member) { return stallReason }
      }
    }
    return deadline.flatMap { late(status, now: now, deadline: $0) }
  }

  /// A step that exceeded its deadline: that of one pod or, if no pod is in progress, the one that all pods wait for.
  private static func late(_ status: ClusterStatus, now: Int, deadline: Int) -> StallReason? {
    for role in status.roles {
      for member in role.members.reversed() {
        if let stallReason = late(member, role, status, now: now, deadline: deadline) { return stallReason }
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
  ) -> StallReason? {
    guard let since = status.stepSince(of: member, in: role), now - since >= deadline else { return nil }
    return noProgress(member.pod, member.pod, since)
  }

  /// The message has no duration: a text that changes by itself would be written again and again.
  private static func noProgress(_ pod: String, _ name: String, _ since: Int) -> StallReason {
    StallReason(
      pod: pod, reason: "ProgressDeadlineExceeded",
      message: "\(name): no progress since \(Timestamp.text(since))")
  }

  /// The stall reason of one member, including an exceeded deadline.
  static func of(
    _ member: MemberStatus, in role: RoleStatus, of status: ClusterStatus, now: Int, deadline: Int?
  ) -> StallReason? {
    of(member) ?? deadline.flatMap { late(member, role, status, now: now, deadline: $0) }
  }

  public static func of(_ member: MemberStatus) -> StallReason? {
    let detail = member.detail
    func stallReason(_ reason: String, _ words: String) -> StallReason {
      StallReason(pod: member.pod, reason: reason, message: "\(member.pod): \(words)")
    }
    // Checked before failures in a container: if the next container cannot start, the failed one is gone.
    if let reason = detail.waitingReason, hopeless.contains(reason) || overdue.contains(reason) {
      return stallReason(reason, detail.waitingMessage.map { "\(reason): \(gist($0))" } ?? reason)
    }
    if let error = detail.schedulingError { return stallReason("Unschedulable", error) }
    if let error = detail.configError { return stallReason(configError, error) }
    return nil
  }
}

extension StallReason {
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

extension ClusterStatus {
  /// Whether a rollback will still replace this member. Its problem ends with the replacement and needs no
  /// intervention.
  fileprivate func isYetToRollBack(_ member: MemberStatus) -> Bool {
    guard let info = upgradeInfo, info.isRollingBack, member.upgrade?.id == info.id else { return false }
    return switch member.podUpgradeStatus {
    case .upgrading: true
    case .configured: member.app != app
    case .rollingBack, nil: false
    }
  }
}
