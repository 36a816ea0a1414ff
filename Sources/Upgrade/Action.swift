import KubeDirector

/// What the machine asks of the hands. Every action may be done again without harm.
public enum Action: Sendable, Hashable {
  /// Makes the cluster's headless service, or makes it as it should be.
  case createHeadlessService
  /// Makes the role's StatefulSet be so, in one update; creates it where it is missing.
  case apply(role: String, SetGoal)
  /// Only where the set has no pods left. Volumes stay.
  case deleteSet(role: String)
  /// With exactly these preconditions: another pod of the same name is left alone. Immediately means without
  /// waiting for the node, for a pod in which nothing ever ran.
  case deletePod(name: String, uid: String, resourceVersion: String, immediately: Bool)
  /// Makes the member's service, or makes it as it should be.
  case createMemberService(role: String, pod: String)
  /// The service of a member that is gone.
  case deleteMemberService(name: String)
  /// Names the app on the live pod.
  case label(pod: String, app: String)
  case order(pod: String, PodOrder)
  /// Look again after so many seconds, whatever happens.
  case wake(after: Int)
  /// For log and events; changes nothing.
  case tell(Happening)
}

/// What a StatefulSet shall be.
public struct SetGoal: Sendable, Hashable {
  /// Whose image and package settings the template has.
  public var app: String
  public var replicas: Int
  public var strategy: SetStrategy

  public init(app: String, replicas: Int, strategy: SetStrategy) {
    self.app = app
    self.replicas = replicas
    self.strategy = strategy
  }
}

/// Something to be done inside a pod's container, and in no other container than this one.
public struct PodOrder: Sendable, Hashable {
  public var role: String
  public var containerID: String
  public var task: Task

  public enum Task: Sendable, Hashable {
    /// Puts `configmeta.json` and the app's config package in.
    case install(app: String, Mode, MetadataBasis)
    /// Runs `startscript`. The key names this run: the same container never runs the same key twice.
    case script(Notification, app: String)
    /// Removes what was copied aside before an upgrade that has ended.
    case discardBackup(id: String, app: String)

    /// Whose package it is about.
    public var app: String {
      switch self {
      case .install(let app, _, _), .script(_, let app), .discardBackup(_, let app): app
      }
    }
  }

  public enum Mode: Sendable, Hashable {
    /// The package afresh.
    case fresh
    /// `configmeta.json` alone: the volume has the rest.
    case metadataOnly
    /// The package afresh, after a backup of what is there under the upgrade's id.
    case upgrade(id: String, backup: Bool)
    /// What was backed up under the upgrade's id; the package afresh where there is no backup.
    case revert(id: String, backup: Bool)
  }

  public init(role: String, containerID: String, task: Task) {
    self.role = role
    self.containerID = containerID
    self.task = task
  }
}

/// What of a cluster a `configmeta.json` was made from. Where it has changed before a member counts as one that hears
/// of changes, the file is written again.
public struct MetadataBasis: Sendable, Hashable {
  /// Node ids only grow, so both together tell any set of members from a later one.
  public var lastNodeID: Int
  public var members: Int
  /// How often its connections had changed.
  public var connections: Int

  public init(_ status: ClusterStatus) {
    lastNodeID = status.lastNodeID
    members = status.roles.reduce(0) { $0 + $1.staying }
    connections = status.connections?.changes ?? 0
  }
}

/// A step that people want to read about.
public enum Happening: Sendable, Hashable {
  case upgradeBegan(from: String, to: String)
  case rollbackBegan(from: String, to: String)
  case podClaimed(pod: String, role: String, rollingBack: Bool)
  case podDone(pod: String, role: String, rollingBack: Bool, seconds: Int)
  case podFailed(pod: String, role: String, reason: String)
  /// Nothing more goes on by itself, for the reason and in the words of the condition.
  case stalled(pod: String?, reason: String, message: String)
  case roleDone(role: String, rollingBack: Bool)
  case upgradeEnded(app: String, rolledBack: Bool, seconds: Int)
  case configured(members: Int)
  case membersChanged(role: String, from: Int, to: Int)
  /// What the cluster is connected to is not what it was.
  case connectionsChanged(names: [String], missing: [String])
  /// What failed is tried again, because somebody asked for it.
  case retried(pod: String, what: String)
  /// Somebody asked to run a script again, and there is nothing to run again.
  case retryIgnored(reason: String)
}

/// One step's outcome. The status is written first; only when that succeeded are the actions done, in their order.
public struct Decision: Sendable, Hashable {
  public var status: ClusterStatus
  public var actions: [Action]

  public init(status: ClusterStatus, actions: [Action] = []) {
    self.status = status
    self.actions = actions
  }
}
