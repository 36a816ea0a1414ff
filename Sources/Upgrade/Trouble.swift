import KubeDirector

/// Why a cluster does not get on, in words.
public struct Trouble: Sendable, Hashable {
  public var pod: String
  /// One word in CamelCase.
  public var reason: String
  /// `analytics-worker-2: ErrImagePull registry.example/spark:9 (not found)`.
  public var message: String

  /// A package could not be installed, or a script failed.
  static let configError = "ConfigError"

  /// Reasons to wait that are part of any start.
  static let ordinary: Set<String> = ["ContainerCreating", "PodInitializing"]

  /// Reasons for which a container waits that no amount of waiting mends by itself.
  public static let hopeless: Set<String> = [
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "ImageInspectError",
    "RegistryUnavailable", "PostStartHookError", "StartError",
  ]

  /// Reasons of ours: a pod does not come, or does not go. Each ends by itself once the pod does.
  public static let overdue: Set<String> = [notCreated, notStarted, notEnded]
  static let notCreated = "PodNotCreated"
  static let notStarted = "PodNotStarted"
  static let notEnded = "PodNotEnded"

  /// How long a pod may be missing, in seconds: a set's controller makes one within a second, and tries again within
  /// some ten seconds where the server refused it a few times.
  static let creationGrace = 90
  /// How long a pod that has a node may start nothing: volumes that are attached and images of a few gigabytes take a
  /// minute or two.
  static let startGrace = 120
  /// How long a pod may be there beyond its grace period: a node that lives is late by seconds.
  static let endGrace = 60

  /// How long a pod may fit nowhere, in seconds, before that is worth a word.
  static let schedulingGrace = 20

  /// Of these only the word counts: their message tells how long the next wait is, and changes with every try.
  static let backOffs: Set<String> = ["ImagePullBackOff", "CrashLoopBackOff"]

  /// The first member that is in trouble, in order of roles and from the last ordinal.
  public static func first(in status: ClusterStatus, now: Int, deadline: Int? = nil) -> Trouble? {
    for role in status.roles {
      for member in role.members.reversed() where !status.isYetToRollBack(member) {
        if let trouble = of(member) { return trouble }
      }
    }
    return deadline.flatMap { late(status, now: now, deadline: $0) }
  }

  /// A step that has outlived its deadline: one pod's, or where none is in hand what all of them wait for.
  private static func late(_ status: ClusterStatus, now: Int, deadline: Int) -> Trouble? {
    for role in status.roles {
      for member in role.members.reversed() {
        if let trouble = late(member, role, status, now: now, deadline: deadline) { return trouble }
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
  ) -> Trouble? {
    guard let since = status.stepSince(of: member, in: role), now - since >= deadline else { return nil }
    return noProgress(member.pod, member.pod, since)
  }

  /// Not for how long: a text that changes by itself would be written again and again.
  private static func noProgress(_ pod: String, _ name: String, _ since: Int) -> Trouble {
    Trouble(
      pod: pod, reason: "ProgressDeadlineExceeded",
      message: "\(name): no progress since \(Timestamp.text(since))")
  }

  /// What ails one member, its deadline included.
  static func of(
    _ member: MemberStatus, in role: RoleStatus, of status: ClusterStatus, now: Int, deadline: Int?
  ) -> Trouble? {
    of(member) ?? deadline.flatMap { late(member, role, status, now: now, deadline: $0) }
  }

  public static func of(_ member: MemberStatus) -> Trouble? {
    let detail = member.detail
    func trouble(_ reason: String, _ words: String) -> Trouble {
      Trouble(pod: member.pod, reason: reason, message: "\(member.pod): \(words)")
    }
    // Before what failed in a container: that container is gone where the next one cannot start.
    if let reason = detail.waitingReason, hopeless.contains(reason) || overdue.contains(reason) {
      return trouble(reason, detail.waitingMessage.map { "\(reason): \(gist($0))" } ?? reason)
    }
    if let error = detail.schedulingError { return trouble("Unschedulable", error) }
    if let error = detail.configError { return trouble(configError, error) }
    return nil
  }
}

extension Trouble {
  /// The length beyond which what a node says is cut down to its first and its last clause.
  private static let gistLimit = 120

  /// What went wrong with what, out of a message in which each layer of a container runtime had its say:
  /// `failed to pull and unpack image "spark:9": … not found`. All of it stays in the member's detail.
  static func gist(_ message: String) -> String {
    var text = message[...]
    // How the kubelet quotes a runtime: `rpc error: code = Unknown desc = …`.
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
  /// True for a member that a rollback replaces and has not come to yet: what ails it ends with it, and needs nobody.
  fileprivate func isYetToRollBack(_ member: MemberStatus) -> Bool {
    guard let info = upgradeInfo, info.isRollingBack, member.upgrade?.id == info.id else { return false }
    return switch member.podUpgradeStatus {
    case .upgrading: true
    case .configured: member.app != app
    case .rollingBack, nil: false
    }
  }
}
