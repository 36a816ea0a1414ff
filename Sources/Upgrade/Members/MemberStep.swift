import KubeDirector

/// What the running upgrade or rollback has done with a member, derived from its status and its ledger entry.
///
/// An upgrade takes a member from `untouched` through `claimed` and `installed` to `done`. When it is rolled back,
/// each touched member becomes `toRollBack`, and takes the same steps again in the other direction.
enum MemberStep: Hashable {
  /// No upgrade runs, or it has not changed this member.
  /// Can transition to: `claimed`
  case untouched
  /// The upgrade changed this member, and its rollback has not claimed it yet.
  /// Can transition to: `claimed`
  case toRollBack(Remains)
  /// The pod may be replaced by one with this revision, or already has been. Its package is not installed yet.
  /// Can transition to: `installed`, `done`, `toRollBack`
  case claimed(revision: String)
  /// The package is installed. The script of the upgrade has not ended yet, or has failed.
  /// Can transition to: `done`, `toRollBack`
  case installed(revision: String)
  /// The member has the revision and the package that the upgrade or the rollback requires, and its script has run.
  /// Can transition to: `claimed` if it loses its revision, `toRollBack`
  case done(revision: String)

  /// The changes of an upgrade in a member that a rollback has to undo.
  struct Remains: Hashable {
    /// The new revision, which the upgrade claimed the pod for.
    var revision: String
    /// Whether the upgrade installed the new package since the claim.
    var isInstalled: Bool
    /// Whether the member's app is the new one. This can be true before `isInstalled`, if the member was upgraded
    /// before and was claimed again.
    var hasNewApp: Bool
    /// Whether the upgrade had finished the member.
    var isDone: Bool
  }

  init(_ member: MemberStatus, in status: ClusterStatus) {
    guard let info = status.upgradeInfo, let ledger = member.upgrade, ledger.id == info.id else {
      self = .untouched
      return
    }
    switch member.podUpgradeStatus {
    case .upgrading where info.isRollingBack,
      .configured where info.isRollingBack && member.app != status.app:
      self = .toRollBack(
        Remains(
          revision: ledger.revision, isInstalled: member.podUpgradeStatus == .configured,
          hasNewApp: member.app != status.app, isDone: ledger.done))
    // Nil only in a damaged status.
    case .upgrading, .rollingBack, nil: self = .claimed(revision: ledger.revision)
    case .configured:
      self = ledger.done ? .done(revision: ledger.revision) : .installed(revision: ledger.revision)
    }
  }

  var isTouched: Bool { self != .untouched }

  /// The revision of the last claim, in either direction; nil for an untouched member.
  var revision: String? {
    switch self {
    case .untouched: nil
    case .toRollBack(let remains): remains.revision
    case .claimed(let revision), .installed(let revision), .done(let revision): revision
    }
  }

  /// Whether the last claim was carried out completely, in either direction.
  var isDone: Bool {
    switch self {
    case .done: true
    case .toRollBack(let remains): remains.isDone
    case .untouched, .claimed, .installed: false
    }
  }

  /// Whether an upgrade or a rollback has begun in the member and has not ended.
  var isOpen: Bool { isTouched && !isDone }

  /// Whether tasks may run in a pod of this revision: false for a pod that is about to be replaced, or that waits for
  /// its turn in a rollback.
  func allowsWork(in revision: String) -> Bool {
    switch self {
    case .untouched, .installed, .done: true
    case .claimed(let target): revision == target
    case .toRollBack: false
    }
  }

  /// Whether the pod was claimed and is still the old one. Its problems end when it is replaced.
  func replaces(_ pod: PodObservation) -> Bool {
    if case .claimed(let target) = self { pod.revision != target } else { false }
  }

  /// In a rollback, whether the pod may stay at the set's current revision: the upgrade never moved the pod, or the
  /// rollback has brought it back. That revision has the old template, possibly in the form in which an earlier
  /// version of the daemon wrote it.
  func keeps(_ current: String) -> Bool {
    switch self {
    case .untouched: false
    case .toRollBack(let remains): !remains.isInstalled && current != remains.revision
    case .claimed(let target), .installed(let target), .done(let target): current == target
    }
  }
}

/// The health of a member's pod, as far as taking pods out of service depends on it.
enum PodHealth: Hashable {
  /// It does not exist, is not ready or is being deleted.
  case down
  /// It is in service, and a task in it failed.
  case failed
  /// It is in service and not set up completely.
  case settingUp
  /// It is set up, but its container restarted recently and may crash again.
  case unstable
  case healthy

  var isOutOfService: Bool { self == .down || self == .failed }

  /// Whether nothing is left to do in the pod.
  var isSetUp: Bool { self == .unstable || self == .healthy }
}

extension ClusterMachine {
  func step(of member: MemberStatus) -> MemberStep { MemberStep(member, in: status) }

  func health(of member: MemberStatus) -> PodHealth {
    guard let pod = observed.pods[member.pod], pod.isReady, !pod.isBeingDeleted else { return .down }
    if member.state == .configError { return .failed }
    guard member.state == .configured, member.detail.pendingNotifications.isEmpty,
      member.detail.lastConfiguredContainer == pod.containerID
    else { return .settingUp }
    return isStable(pod) ? .healthy : .unstable
  }
}
