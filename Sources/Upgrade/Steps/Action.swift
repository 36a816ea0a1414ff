import KubeDirector

/// An action that the machine requests from the action executor. Every action is idempotent.
public enum Action: Sendable, Hashable {
  /// Creates the cluster's headless service, or updates it to its desired state.
  case createHeadlessService
  /// Updates the role's StatefulSet to this goal in one write. Creates the set if it is missing.
  case apply(role: String, SetGoal)
  /// Deletes a StatefulSet that has no pods left. Volumes are kept.
  case deleteSet(role: String)
  /// Deletes a pod with exactly these preconditions, so that another pod of the same name is left alone. `immediately`
  /// does not wait for the node; it is for a pod in which nothing ever ran.
  case deletePod(name: String, uid: String, resourceVersion: String, immediately: Bool)
  /// Creates the member's service, or updates it to its desired state.
  case createMemberService(role: String, pod: String)
  /// Deletes the service of a member that is gone.
  case deleteMemberService(name: String)
  /// Removes the cluster from the owners of a volume claim.
  case releaseClaim(name: String)
  /// Sets the label on the live pod that names the app.
  case label(pod: String, app: String)
  case order(pod: String, PodOrder)
  /// Requests another step after this many seconds, whatever else happens.
  case wake(after: Int)
  /// Emits an event for the log and for Kubernetes Events. It changes nothing.
  case emit(UpgradeEvent)
}

/// The desired state of a StatefulSet.
public struct SetGoal: Sendable, Hashable {
  /// The app whose image and package settings the template contains.
  public var app: String
  public var replicas: Int
  public var strategy: SetStrategy

  public init(app: String, replicas: Int, strategy: SetStrategy) {
    self.app = app
    self.replicas = replicas
    self.strategy = strategy
  }
}

/// A task to run inside a pod's container, and in no other container than this one.
public struct PodOrder: Sendable, Hashable {
  public var role: String
  public var containerID: String
  public var task: Task

  public enum Task: Sendable, Hashable {
    /// Installs `configmeta.json` and the app's config package.
    case install(app: String, Mode, MetadataBasis)
    /// Runs `startscript`. The notification's key identifies the run: a container never runs the same key twice.
    case script(Notification, app: String)
    /// Removes the backup that was made before an upgrade that has ended.
    case discardBackup(id: String, app: String)

    /// The app whose package the task uses.
    public var app: String {
      switch self {
      case .install(let app, _, _), .script(_, let app), .discardBackup(_, let app): app
      }
    }
  }

  public enum Mode: Sendable, Hashable {
    /// Installs the package from scratch.
    case fresh
    /// Writes `configmeta.json` only: the volume already has the rest.
    case metadataOnly
    /// Installs the package from scratch, after a backup of the existing files under the upgrade's id.
    case upgrade(id: String, backup: Bool)
    /// Restores the backup made under the upgrade's id. Without a backup, installs the package from scratch.
    case revert(id: String, backup: Bool)
  }

  public init(role: String, containerID: String, task: Task) {
    self.role = role
    self.containerID = containerID
    self.task = task
  }
}

/// The facts about a cluster from which a `configmeta.json` was made. The file is written again if they change before
/// the member starts to receive notifications of changes.
public struct MetadataBasis: Sendable, Hashable {
  /// Node ids only grow, so `lastNodeID` and `members` together distinguish any set of members from a later one.
  public var lastNodeID: Int
  public var members: Int
  /// The number of times that the cluster's connections have changed.
  public var connections: Int

  public init(_ status: ClusterStatus) {
    lastNodeID = status.lastNodeID
    members = status.roles.reduce(0) { $0 + $1.staying }
    connections = status.connections?.changes ?? 0
  }
}

/// A step of the engine that is reported to users.
public enum UpgradeEvent: Sendable, Hashable {
  case upgradeBegan(from: String, to: String)
  case rollbackBegan(from: String, to: String)
  case podClaimed(pod: String, role: String, rollingBack: Bool)
  case podDone(pod: String, role: String, rollingBack: Bool, seconds: Int)
  case podFailed(pod: String, role: String, reason: String)
  /// The cluster cannot progress until a person or another commit acts.
  case stalled(Stall)
  case roleDone(role: String, rollingBack: Bool)
  case upgradeEnded(app: String, rolledBack: Bool, seconds: Int)
  case configured(members: Int)
  case membersChanged(role: String, from: Int, to: Int)
  /// The objects that the cluster is connected to have changed.
  case connectionsChanged(names: [String], missing: [String])
  /// A failed task runs again because a user requested it.
  case retried(pod: String, what: String)
  /// A user requested a retry, and there is nothing to run again.
  case retryIgnored(reason: String)
}

/// The outcome of one step. The status is written first; the actions run, in order, only if that write succeeds.
public struct Decision: Sendable, Hashable {
  public var status: ClusterStatus
  public var actions: [Action]

  public init(status: ClusterStatus, actions: [Action] = []) {
    self.status = status
    self.actions = actions
  }
}
