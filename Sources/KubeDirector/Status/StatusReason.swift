/// The cause of a condition or of a waiting container as one word in CamelCase, for programs.
///
/// An open set: a node may report any word.
public struct StatusReason: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral word: String) { rawValue = word }

  public var description: String { rawValue }
}

// Reasons of the condition `Stalled`.
extension StatusReason {
  /// The app of the cluster does not exist.
  public static let appMissing: StatusReason = "AppMissing"
  /// The spec requests an app that the cluster can no longer roll back to.
  public static let noWayBack: StatusReason = "NoWayBack"
  /// kdops did not create the cluster's objects.
  public static let notUnderstood: StatusReason = "NotUnderstood"
  /// A package could not be installed, or a script failed.
  public static let configError: StatusReason = "ConfigError"
  public static let unschedulable: StatusReason = "Unschedulable"
  public static let progressDeadlineExceeded: StatusReason = "ProgressDeadlineExceeded"
  /// The cause is known only as text.
  public static let stalled: StatusReason = "Stalled"
}

// Reasons of the condition `Progressing` that readers distinguish.
extension StatusReason {
  /// A user suspended the engine for this cluster.
  public static let suspended: StatusReason = "Suspended"
  /// The cluster is idle, and its last change waits for something outside the cluster.
  public static let waitingForConnections: StatusReason = "WaitingForConnections"
  /// The last change waits, as the status tree reports it.
  public static let waiting: StatusReason = "Waiting"
  /// The last change was rejected, as the status tree reports it.
  public static let rejected: StatusReason = "Rejected"
}

// Reasons for which a container or its pod waits.
extension StatusReason {
  public static let errImagePull: StatusReason = "ErrImagePull"
  public static let imagePullBackOff: StatusReason = "ImagePullBackOff"
  public static let crashLoopBackOff: StatusReason = "CrashLoopBackOff"
  /// Commands in the container have failed to start for some time.
  public static let commandNotStarted: StatusReason = "CommandNotStarted"
  /// The pod of a member has not been created for some time.
  public static let podNotCreated: StatusReason = "PodNotCreated"
  /// No container of the pod has been started for some time.
  public static let podNotStarted: StatusReason = "PodNotStarted"
  /// The pod has not terminated for some time.
  public static let podNotEnded: StatusReason = "PodNotEnded"

  /// Whether every container passes through this reason when it starts.
  public var isPartOfAnyStart: Bool { self == "ContainerCreating" || self == "PodInitializing" }

  /// Whether a container that waits for this reason needs a change from outside.
  public var needsIntervention: Bool { Self.needingIntervention.contains(self) }

  private static let needingIntervention: Set<StatusReason> = [
    errImagePull, imagePullBackOff, "InvalidImageName", "ErrImageNeverPull", crashLoopBackOff,
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "ImageInspectError",
    "RegistryUnavailable", "PostStartHookError", "StartError",
  ]

  /// Whether a node reports by this reason that it tried to start a container and failed.
  public var isFailedStart: Bool {
    [
      .errImagePull, .imagePullBackOff, "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
    ].contains(self)
  }

  /// Whether kdops itself reports this reason for a pod that does not start or does not terminate. It ends once the
  /// pod does.
  public var isOverdue: Bool {
    self == .podNotCreated || self == .podNotStarted || self == .podNotEnded
  }

  /// Whether the container waits for its next attempt. Then the message contains the length of the wait and changes
  /// with every attempt.
  public var isBackOff: Bool { self == .imagePullBackOff || self == .crashLoopBackOff }
}
