import Values

/// The status subresource of a cluster, which is also the engine's entire persistent state.
public struct ClusterStatus: Sendable, Hashable {
  public var state: State
  /// The app that is being realized.
  public var app: String
  /// The catalog in which `app` was found, pinned so that a later app of the same name cannot replace it.
  public var appCatalog: AppCatalog?
  /// Set only while an upgrade or a rollback runs.
  public var upgradeInfo: UpgradeInfo?
  /// The git commit that is being realized.
  public var specCommit: String?
  /// The generation of the spec that this status was computed from.
  public var observedGeneration: Int
  /// The highest node id used so far; ids are never reused.
  public var lastNodeID: Int
  public var roles: [RoleStatus]
  public var conditions: [Condition]
  /// The last retry request that was handled, so that it is not handled twice.
  public var lastRetry: String?
  /// Nil for a cluster that never had connections.
  public var connections: ConnectionState?
  /// The history of the last upgrades and rollbacks. No decision depends on it.
  public var journal: Journal
  /// Nil for a cluster whose objects kdops created.
  public var adopted: AdoptedCluster?

  public enum State: String, Sendable, Hashable, CaseIterable {
    case creating
    /// Idle: every member is configured and no operation runs.
    case configured
    /// Members are added, removed or changed.
    case updating
  }

  public init(
    state: State, app: String, appCatalog: AppCatalog? = nil, upgradeInfo: UpgradeInfo? = nil,
    specCommit: String? = nil, observedGeneration: Int = 0, lastNodeID: Int = 0, roles: [RoleStatus] = [],
    conditions: [Condition] = [], lastRetry: String? = nil, connections: ConnectionState? = nil,
    journal: Journal = Journal(), adopted: AdoptedCluster? = nil
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
    self.adopted = adopted
  }

  /// The status without its journal.
  public var withoutJournal: ClusterStatus {
    var status = self
    status.journal = Journal()
    return status
  }

  /// The status without the output of scripts; exit codes and reasons stay.
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

/// A running upgrade or rollback.
public struct UpgradeInfo: Sendable, Hashable {
  public var isRollingBack: Bool
  /// During an upgrade, the app that a rollback returns to; during a rollback, the app of the cancelled upgrade.
  public var prevApp: String
  public var prevAppCatalog: AppCatalog?
  /// The id of the upgrade. Its rollback keeps the id, because ledger entries refer to it.
  public var id: String
  /// The start time, in whole seconds since 1970.
  public var startedAt: Int
  /// True once `cluster_upgraded` or `cluster_reverted` has been queued for every member that subscribes to it.
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
  /// Nil outside an upgrade, and for roles whose image is the same in both apps.
  public var upgradeStatus: UpgradeStatus?
  /// The time of the upgrade's last progress in this role, in whole seconds since 1970; nil outside an upgrade.
  public var progressedAt: Int?
  /// Sorted by ordinal.
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
  /// The ledger: the steps of the running upgrade on this pod. Nil for a pod that the upgrade has not changed.
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

  /// The record of one upgrade's steps on one pod.
  public struct Ledger: Sendable, Hashable {
    /// The id of the upgrade.
    public var id: String
    /// The target revision of the pod.
    public var revision: String
    /// The container in which the package was installed and the script was run.
    public var containerID: String?
    /// The event whose script ran, `pod_upgraded` or `pod_reverted`.
    public var script: LifecycleEvent?
    /// Nil until the script has ended.
    public var exitCode: Int?
    /// True once the pod has the state that this upgrade (or its rollback) requires, and its script has run.
    public var done: Bool
    /// The time at which the upgrade claimed the pod, in whole seconds since 1970.
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
    /// The container in which the package was last installed and its scripts last ran to completion.
    public var lastConfiguredContainer: String?
    /// Pending notifications for this member, oldest first. If one failed, it is the first.
    public var pendingNotifications: [Notification]
    public var configError: String?
    /// The ends of the last failed script's output streams, limited by `maxLogSizeDump`.
    public var lastStdout: String?
    public var lastStderr: String?
    /// The reason why the container or an init container waits: `ErrImagePull`, `CrashLoopBackOff` ….
    public var waitingReason: StatusReason?
    public var waitingMessage: String?
    public var schedulingError: String?
    /// The step that failed, if `configError` is set.
    public var failedStep: FailedStep?
    /// The id of the upgrade before which the package was backed up on the volume; nil if there is no backup.
    public var backup: String?

    public enum FailedStep: String, Sendable, Hashable, CaseIterable {
      /// The installation of the config package in the container.
      case install
      /// The script of the first notification.
      case script = "startscript"
    }

    public init(
      lastConfiguredContainer: String? = nil, pendingNotifications: [Notification] = [],
      configError: String? = nil, lastStdout: String? = nil, lastStderr: String? = nil,
      waitingReason: StatusReason? = nil, waitingMessage: String? = nil, schedulingError: String? = nil,
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

/// A condition in the form that Kubernetes uses.
public struct Condition: Sendable, Hashable {
  public var type: Kind
  public var status: Bool
  public var reason: StatusReason
  /// One sentence, for users.
  public var message: String
  /// In whole seconds since 1970.
  public var lastTransition: Int
  /// The generation of the spec that the condition describes; nil if it does not depend on the spec.
  public var observedGeneration: Int?

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case ready = "Ready"
    case progressing = "Progressing"
    case stalled = "Stalled"
  }

  public init(
    type: Kind, status: Bool, reason: StatusReason, message: String, lastTransition: Int,
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

extension MemberStatus {
  /// The name of the member's service. A member of an adopted cluster keeps its own.
  public var serviceName: String { service ?? DerivedNames.memberService(pod: pod) }
}

extension ClusterStatus {
  public func condition(_ kind: Condition.Kind) -> Condition? { conditions.first { $0.type == kind } }

  /// The summary of member states: `memberStateRollup`.
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
      if member.detail.waitingReason == .crashLoopBackOff { rollup.membersRestarting = true }
      if member.detail.schedulingError != nil { rollup.membersNotScheduled = true }
    }
    return rollup
  }
}

extension UpgradeInfo {
  /// The first digits of the commit that started the upgrade, because a later commit may have changed only labels. Nil
  /// if the id contains no commit.
  public var commit: String? {
    let stem = id.prefix { $0 != "-" }
    return stem.utf8.count >= 7 && stem.allSatisfy(\.isHexDigit) ? String(stem.prefix(7)) : nil
  }
}

extension ClusterStatus {
  /// Whether the running upgrade has passed its point of no return: a script may have started to change data in a way
  /// that the old image cannot read.
  ///
  /// - Parameter named: The roles that the new app names, `*` for any.
  public func hasPassed(pointOfNoReturn named: Set<String>) -> Bool {
    !roles(past: named).isEmpty
  }

  /// The roles that have passed the point of no return, in order.
  ///
  /// - Parameter pointOfNoReturn: The roles that the new app names, `*` for any.
  public func roles(past pointOfNoReturn: Set<String>) -> [String] {
    guard !pointOfNoReturn.isEmpty, let info = upgradeInfo, !info.isRollingBack else { return [] }
    return roles.filter { role in
      (pointOfNoReturn.contains(role.id) || pointOfNoReturn.contains("*"))
        && role.members.contains { $0.upgrade?.id == info.id && $0.podUpgradeStatus == .configured }
    }.map(\.id)
  }

  /// The roles that an annotation names, separated by blanks or commas.
  public static func roles(named text: String?) -> Set<String> {
    Set((text ?? "").split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init))
  }
}
