import KubeDirector

/// A member's pod as observed.
public struct PodObservation: Sendable, Hashable {
  public var uid: String
  public var resourceVersion: String
  /// The value of the label `controller-revision-hash`.
  public var revision: String
  public var isBeingDeleted: Bool
  /// When the pod was created, when its first container started, and when its termination grace period ends, in whole
  /// seconds since 1970; nil if unknown.
  public var createdAt: Int?
  public var firstStartedAt: Int?
  public var endsBy: Int?
  /// The id of the container `app`, once it runs.
  public var containerID: String?
  /// False only if it is certain that none of its containers was ever started.
  public var hasRun: Bool
  /// Whether the pod has a node, but no start of a container has been observed.
  public var isUnstarted: Bool
  /// Whether the container runs and is ready, so that it can be set up. The pod may wait for more, such as readiness
  /// gates, some of which open only once the app listens.
  public var isContainerReady: Bool
  /// Whether the container runs and the pod is ready, so that it counts as available.
  public var isReady: Bool
  /// Whether one of its containers ended and was restarted.
  public var hasRestarted: Bool
  /// Since when the pod is ready, in whole seconds since 1970; nil if it is not ready or the time is unknown.
  public var readySince: Int?
  public var waitingReason: StatusReason?
  public var waitingMessage: String?
  public var schedulingError: String?
  /// When the pod was first reported as unschedulable, in whole seconds since 1970; nil if unknown.
  public var unschedulableSince: Int?
  /// The value of the label that names the app.
  public var appLabel: String?

  public init(
    uid: String, resourceVersion: String = "", revision: String, isBeingDeleted: Bool = false,
    createdAt: Int? = nil, endsBy: Int? = nil, containerID: String? = nil, hasRun: Bool = true,
    isUnstarted: Bool = false, isContainerReady: Bool? = nil, isReady: Bool = false,
    waitingReason: StatusReason? = nil, waitingMessage: String? = nil, schedulingError: String? = nil,
    unschedulableSince: Int? = nil, appLabel: String? = nil, firstStartedAt: Int? = nil,
    hasRestarted: Bool = false, readySince: Int? = nil
  ) {
    self.hasRestarted = hasRestarted
    self.readySince = readySince
    self.firstStartedAt = firstStartedAt
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.revision = revision
    self.isBeingDeleted = isBeingDeleted
    self.createdAt = createdAt
    self.endsBy = endsBy
    self.containerID = containerID
    self.hasRun = hasRun
    self.isUnstarted = isUnstarted
    self.isContainerReady = isContainerReady ?? isReady
    self.isReady = isReady
    self.waitingReason = waitingReason
    self.waitingMessage = waitingMessage
    self.schedulingError = schedulingError
    self.unschedulableSince = unschedulableSince
    self.appLabel = appLabel
  }
}
