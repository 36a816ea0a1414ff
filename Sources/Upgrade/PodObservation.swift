/// A member's pod as it is.
public struct PodObservation: Sendable, Hashable {
  public var uid: String
  public var resourceVersion: String
  /// Its `controller-revision-hash`.
  public var revision: String
  public var isBeingDeleted: Bool
  /// When it was made, when a first container of it began to run, and until when it may take its time to end, in
  /// whole seconds since 1970; nil where nobody says.
  public var createdAt: Int?
  public var firstStartedAt: Int?
  public var endsBy: Int?
  /// Of the container `app`, once it runs.
  public var containerID: String?
  /// False only where it is certain that none of its containers was ever started.
  public var hasRun: Bool
  /// It has a node, and no container of it has been seen to start.
  public var isUnstarted: Bool
  /// The container runs and is ready by itself: it can be set up. The pod may have to wait for more, such as
  /// readiness gates, some of which open only once the app listens.
  public var isContainerReady: Bool
  /// The container runs and the pod is ready: it counts as available.
  public var isReady: Bool
  /// A container of it ended, and was started again.
  public var hasRestarted: Bool
  /// Since when it is ready, in whole seconds since 1970; nil where it is not, or where nobody says.
  public var readySince: Int?
  public var waitingReason: String?
  public var waitingMessage: String?
  public var schedulingError: String?
  /// When it was first found to fit nowhere, in whole seconds since 1970; nil where nobody says.
  public var unschedulableSince: Int?
  /// The value of the label that names the app.
  public var appLabel: String?

  public init(
    uid: String, resourceVersion: String = "", revision: String, isBeingDeleted: Bool = false,
    createdAt: Int? = nil, endsBy: Int? = nil, containerID: String? = nil, hasRun: Bool = true,
    isUnstarted: Bool = false, isContainerReady: Bool? = nil, isReady: Bool = false,
    waitingReason: String? = nil, waitingMessage: String? = nil, schedulingError: String? = nil,
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
