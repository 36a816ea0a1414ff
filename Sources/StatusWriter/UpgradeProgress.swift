import KubeDirector

/// How far an upgrade or a rollback has come, a role a row.
public struct UpgradeProgress: Sendable, Hashable {
  /// The app being left.
  public var fromApp: String
  /// The app being gone to.
  public var toApp: String
  public var isRollingBack: Bool
  /// Only roles that it touches.
  public var roles: [Role]

  public struct Role: Sendable, Hashable {
    public var id: String
    /// How many members are as the upgrade, or its rollback, wants them.
    public var done: Int
    /// How many members are concerned: of a rollback only those that the upgrade had touched.
    public var total: Int
    /// A member of the role needs somebody.
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

  /// Nil where no upgrade and no rollback runs.
  public init?(_ status: ClusterStatus) {
    guard let info = status.upgradeInfo else { return nil }
    // The engine names the first member in trouble; the others show it by their own detail.
    let stall = status.stall
    let roles = status.roles.compactMap { role -> Role? in
      guard role.upgradeStatus != nil else { return nil }
      let concerned = role.members.filter { !info.isRollingBack || $0.upgrade?.id == info.id }
      let stalled = stall != nil && role.members.contains { $0.isInTrouble || stall?.names($0.pod) == true }
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
  /// Whether the running upgrade, or its rollback, has nothing left to do with this member.
  ///
  /// During a rollback a member that the upgrade had finished still says so in its ledger; it counts once its
  /// old app is back.
  ///
  /// - Parameter app: the app being gone to.
  public func isDone(_ info: UpgradeInfo, app: String) -> Bool {
    guard let ledger = upgrade, ledger.id == info.id, ledger.done else { return false }
    return !info.isRollingBack || ledger.script == .podReverted || self.app == app
  }

  fileprivate var isInTrouble: Bool {
    detail.configError != nil || detail.waitingReason != nil || detail.schedulingError != nil
  }
}

extension Condition {
  /// Whether the message is about this pod; the engine's messages begin with its name.
  fileprivate func names(_ pod: String) -> Bool { message.hasPrefix("\(pod):") }
}
