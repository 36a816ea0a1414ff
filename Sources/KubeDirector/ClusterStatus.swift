import Values

/// What the engine has made of a cluster so far: the status subresource, and all that the engine remembers.
public struct ClusterStatus: Sendable, Hashable {
  public var state: State
  /// The app now being realised.
  public var app: String
  /// Where `app` was found, pinned so that a later namesake cannot take its place.
  public var appCatalog: AppCatalog?
  /// Present only while an upgrade or a rollback runs.
  public var upgradeInfo: UpgradeInfo?
  /// The git commit being realised.
  public var specCommit: String?
  /// The generation of the spec that this status was made from.
  public var observedGeneration: Int
  /// The highest node id given so far; ids are never reused.
  public var lastNodeID: Int
  public var roles: [RoleStatus]
  public var conditions: [Condition]
  /// The request to run a script again that was heard last, so that it is not heard twice.
  public var lastRetry: String?
  /// Nil for a cluster that was never connected to anything.
  public var connections: ConnectionState?
  /// What the last upgrades and rollbacks did. Nothing is decided by it.
  public var journal: Journal

  public enum State: String, Sendable, Hashable, CaseIterable {
    case creating
    /// At rest: every member configured, nothing under way.
    case configured
    /// Members come, go or change.
    case updating
  }

  public init(
    state: State, app: String, appCatalog: AppCatalog? = nil, upgradeInfo: UpgradeInfo? = nil,
    specCommit: String? = nil, observedGeneration: Int = 0, lastNodeID: Int = 0, roles: [RoleStatus] = [],
    conditions: [Condition] = [], lastRetry: String? = nil, connections: ConnectionState? = nil,
    journal: Journal = Journal()
  ) {
    self.lastRetry = lastRetry
    self.connections = connections
    self.state = state
    self.app = app
    self.appCatalog = appCatalog
    self.upgradeInfo = upgradeInfo
    self.specCommit = specCommit
    self.observedGeneration = observedGeneration
    self.lastNodeID = lastNodeID
    self.roles = roles
    self.conditions = conditions
    self.journal = journal
  }

  /// The same without its journal.
  public var withoutJournal: ClusterStatus {
    var status = self
    status.journal = Journal()
    return status
  }

  /// The same without what scripts said; exit codes and reasons stay.
  public var withoutOutput: ClusterStatus {
    var status = self
    for role in status.roles.indices {
      for member in status.roles[role].members.indices {
        status.roles[role].members[member].detail.lastStdout = nil
        status.roles[role].members[member].detail.lastStderr = nil
      }
    }
    return status
  }

  public func role(_ id: String) -> RoleStatus? { roles.first { $0.id == id } }
  public var members: [MemberStatus] { roles.flatMap(\.members) }
}

/// An upgrade or rollback that runs.
public struct UpgradeInfo: Sendable, Hashable {
  public var isRollingBack: Bool
  /// During an upgrade the app that a rollback goes back to; during a rollback the app being left.
  public var prevApp: String
  public var prevAppCatalog: AppCatalog?
  /// Names this upgrade; its rollback keeps it, because the ledger is read by it.
  public var id: String
  /// When it began, in whole seconds since 1970.
  public var startedAt: Int
  /// True once `cluster_upgraded` or `cluster_reverted` has been queued for every member that hears it.
  public var announced: Bool

  public init(
    isRollingBack: Bool, prevApp: String, prevAppCatalog: AppCatalog? = nil, id: String, startedAt: Int = 0,
    announced: Bool = false
  ) {
    self.isRollingBack = isRollingBack
    self.prevApp = prevApp
    self.prevAppCatalog = prevAppCatalog
    self.id = id
    self.startedAt = startedAt
    self.announced = announced
  }
}

public struct RoleStatus: Sendable, Hashable {
  public var id: String
  /// The name of the role's StatefulSet.
  public var statefulSet: String
  /// Absent outside an upgrade, and for roles whose image is the same in both apps.
  public var upgradeStatus: UpgradeStatus?
  /// When the upgrade last got on in this role, in whole seconds since 1970; nil outside an upgrade.
  public var progressedAt: Int?
  /// In order of ordinal.
  public var members: [MemberStatus]

  public enum UpgradeStatus: String, Sendable, Hashable, CaseIterable {
    case upgrading = "RoleUpgrading"
    case upgraded = "RoleUpgraded"
    case rollingBack = "RoleRollingBack"
    case rolledBack = "RoleRolledBack"
  }

  public init(
    id: String, statefulSet: String, upgradeStatus: UpgradeStatus? = nil, progressedAt: Int? = nil,
    members: [MemberStatus] = []
  ) {
    self.id = id
    self.statefulSet = statefulSet
    self.upgradeStatus = upgradeStatus
    self.progressedAt = progressedAt
    self.members = members
  }
}

public struct MemberStatus: Sendable, Hashable {
  public var pod: String
  public var nodeID: Int
  public var service: String?
  public var volumeClaim: String?
  public var state: State
  public var podUpgradeStatus: PodUpgradeStatus?
  /// The app whose image and package this member has.
  public var app: String?
  /// The ledger: what the running upgrade did to this pod. A pod without it was not touched.
  public var upgrade: Ledger?
  public var detail: Detail

  public enum State: String, Sendable, Hashable, CaseIterable {
    case createPending = "create pending"
    case creating
    case configured
    case configError = "config error"
    case deletePending = "delete pending"
    case deleting
  }

  public enum PodUpgradeStatus: String, Sendable, Hashable, CaseIterable {
    case configured = "PodConfigured"
    case upgrading = "PodUpgrading"
    case rollingBack = "PodRollingBack"
  }

  /// What one upgrade did to one pod.
  public struct Ledger: Sendable, Hashable {
    /// The id of the upgrade.
    public var id: String
    /// The revision that the pod was to get.
    public var revision: String
    /// The container that got package and script.
    public var containerID: String?
    /// The event whose script ran, `pod_upgraded` or `pod_reverted`.
    public var script: LifecycleEvent?
    /// Nil while the script has not been seen to end.
    public var exitCode: Int?
    /// True once the pod is as this upgrade (or its rollback) wants it, script included.
    public var done: Bool
    /// When it was claimed, in whole seconds since 1970.
    public var since: Int

    public init(
      id: String, revision: String, containerID: String? = nil, script: LifecycleEvent? = nil,
      exitCode: Int? = nil, done: Bool = false, since: Int = 0
    ) {
      self.id = id
      self.revision = revision
      self.containerID = containerID
      self.script = script
      self.exitCode = exitCode
      self.done = done
      self.since = since
    }
  }

  public struct Detail: Sendable, Hashable {
    /// The container for which the package was last installed and its scripts were last run to their end.
    public var lastConfiguredContainer: String?
    /// What is still to be told to this member, oldest first; before all what could not be told.
    public var pendingNotifications: [Notification]
    public var configError: String?
    /// The ends of the last failed script's streams, capped by `maxLogSizeDump`.
    public var lastStdout: String?
    public var lastStderr: String?
    /// Why the container or an init container waits: `ErrImagePull`, `CrashLoopBackOff` ….
    public var waitingReason: String?
    public var waitingMessage: String?
    public var schedulingError: String?
    /// What it was that failed, where `configError` is set.
    public var failedStep: FailedStep?
    /// The id of the upgrade before which the package was copied aside on the volume; nil where no copy is left.
    public var backup: String?

    public enum FailedStep: String, Sendable, Hashable, CaseIterable {
      /// The config package could not be brought into the container.
      case install
      /// The script that the first notification asks for.
      case script = "startscript"
    }

    public init(
      lastConfiguredContainer: String? = nil, pendingNotifications: [Notification] = [],
      configError: String? = nil, lastStdout: String? = nil, lastStderr: String? = nil,
      waitingReason: String? = nil, waitingMessage: String? = nil, schedulingError: String? = nil,
      failedStep: FailedStep? = nil, backup: String? = nil
    ) {
      self.failedStep = failedStep
      self.backup = backup
      self.lastConfiguredContainer = lastConfiguredContainer
      self.pendingNotifications = pendingNotifications
      self.configError = configError
      self.lastStdout = lastStdout
      self.lastStderr = lastStderr
      self.waitingReason = waitingReason
      self.waitingMessage = waitingMessage
      self.schedulingError = schedulingError
    }
  }

  public init(
    pod: String, nodeID: Int, service: String? = nil, volumeClaim: String? = nil,
    state: State = .createPending,
    podUpgradeStatus: PodUpgradeStatus? = nil, app: String? = nil, upgrade: Ledger? = nil,
    detail: Detail = Detail()
  ) {
    self.pod = pod
    self.nodeID = nodeID
    self.service = service
    self.volumeClaim = volumeClaim
    self.state = state
    self.podUpgradeStatus = podUpgradeStatus
    self.app = app
    self.upgrade = upgrade
    self.detail = detail
  }
}

/// A condition in Kubernetes' shape.
public struct Condition: Sendable, Hashable {
  public var type: Kind
  public var status: Bool
  /// One word in CamelCase, for programs.
  public var reason: String
  /// One sentence, for people.
  public var message: String
  /// In whole seconds since 1970.
  public var lastTransition: Int
  /// Of the spec that it speaks of; nil where it holds whatever the spec becomes.
  public var observedGeneration: Int?

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case ready = "Ready"
    case progressing = "Progressing"
    case stalled = "Stalled"
  }

  public init(
    type: Kind, status: Bool, reason: String, message: String, lastTransition: Int,
    observedGeneration: Int? = nil
  ) {
    self.type = type
    self.status = status
    self.reason = reason
    self.message = message
    self.lastTransition = lastTransition
    self.observedGeneration = observedGeneration
  }
}

extension ClusterStatus {
  public func condition(_ kind: Condition.Kind) -> Condition? { conditions.first { $0.type == kind } }

  /// How many members are in which situation: `memberStateRollup`.
  public struct Rollup: Sendable, Hashable {
    public var membershipChanging = false
    public var membersDown = false
    public var membersInitializing = false
    public var membersWaiting = false
    public var membersRestarting = false
    public var membersUpgrading = false
    public var membersRollingBack = false
    public var configErrors = false
    public var membersNotScheduled = false
  }

  public var rollup: Rollup {
    var rollup = Rollup()
    for member in members {
      switch member.state {
      case .createPending, .deletePending, .deleting: rollup.membershipChanging = true
      case .creating: rollup.membersInitializing = true
      case .configError: rollup.configErrors = true
      case .configured: break
      }
      switch member.podUpgradeStatus {
      case .upgrading: rollup.membersUpgrading = true
      case .rollingBack: rollup.membersRollingBack = true
      case .configured, nil: break
      }
      if member.detail.configError != nil { rollup.configErrors = true }
      if member.detail.waitingReason != nil {
        rollup.membersWaiting = true
        rollup.membersDown = true
      }
      if member.detail.waitingReason == "CrashLoopBackOff" { rollup.membersRestarting = true }
      if member.detail.schedulingError != nil { rollup.membersNotScheduled = true }
    }
    return rollup
  }
}

extension ClusterStatus {
  /// Whether the upgrade that runs has come to a point from which there is no way back: a script may have begun to
  /// change what the old image would not understand.
  ///
  /// - Parameter named: the roles that the app that is gone to names, `*` for any.
  public func hasPassed(pointOfNoReturn named: Set<String>) -> Bool {
    !roles(past: named).isEmpty
  }

  /// The roles that have left no way back, in order.
  ///
  /// - Parameter pointOfNoReturn: the roles that the app that is gone to names, `*` for any.
  public func roles(past pointOfNoReturn: Set<String>) -> [String] {
    guard !pointOfNoReturn.isEmpty, let info = upgradeInfo, !info.isRollingBack else { return [] }
    return roles.filter { role in
      (pointOfNoReturn.contains(role.id) || pointOfNoReturn.contains("*"))
        && role.members.contains { $0.upgrade?.id == info.id && $0.podUpgradeStatus == .configured }
    }.map(\.id)
  }

  /// The roles that an annotation names, with blanks or commas between them.
  public static func roles(named text: String?) -> Set<String> {
    Set((text ?? "").split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init))
  }
}
