import KubeDirector

/// The progress of an upgrade or a rollback, per role.
public struct UpgradeProgress: Sendable, Hashable {
  /// The app before the change.
  public var fromApp: String
  /// The app after the change.
  public var toApp: String
  public var isRollingBack: Bool
  /// The roles that the upgrade affects.
  public var roles: [Role]

  public struct Role: Sendable, Hashable {
    public var id: String
    /// How many members have completed the upgrade or its rollback.
    public var done: Int
    /// How many members are affected: for a rollback only those that the upgrade had changed.
    public var total: Int
    /// Whether a member of the role needs intervention.
    public var stalled: Bool

    public init(id: String, done: Int, total: Int, stalled: Bool = false) {
      self.id = id
      self.done = done
      self.total = total
      self.stalled = stalled
    }
  }

  public init(fromApp: String, toApp: String, isRollingBack: Bool, roles: [Role]) {
    self.fromApp = fromApp
    self.toApp = toApp
    self.isRollingBack = isRollingBack
    self.roles = roles
  }

  /// Nil if no upgrade and no rollback is running.
  public init?(_ status: ClusterStatus) {
    guard let info = status.upgradeInfo else { return nil }
    // The engine's stall names the first failing member; the others are recognized by their own detail.
    let stall = status.stall
    let roles = status.roles.compactMap { role -> Role? in
      guard role.upgradeStatus != nil else { return nil }
      let concerned = role.members.filter { !info.isRollingBack || $0.upgrade?.id == info.id }
      let stalled = stall != nil && role.members.contains { $0.isStuck || stall?.pod == $0.pod }
      return Role(
        id: role.id, done: concerned.count { $0.isDone(info, app: status.app) }, total: concerned.count,
        stalled: stalled)
    }
    self.init(fromApp: info.prevApp, toApp: status.app, isRollingBack: info.isRollingBack, roles: roles)
  }

  public var done: Int { roles.reduce(0) { $0 + $1.done } }
  public var total: Int { roles.reduce(0) { $0 + $1.total } }

  mutating func finish() {
    for index in roles.indices {
      roles[index].done = roles[index].total
      roles[index].stalled = false
    }
  }
}

extension MemberStatus {
  /// Whether this member has completed the running upgrade or its rollback.
  ///
  /// During a rollback, the ledger of a member that finished the upgrade still says done; the member counts
  /// only when its old app is back.
  ///
  /// - Parameter app: the app after the change.
  public func isDone(_ info: UpgradeInfo, app: String) -> Bool {
    guard let ledger = upgrade, ledger.id == info.id, ledger.done else { return false }
    return !info.isRollingBack || ledger.script == .podReverted || self.app == app
  }

  fileprivate var isStuck: Bool {
    detail.configError != nil || detail.waitingReason != nil || detail.schedulingError != nil
  }
}
