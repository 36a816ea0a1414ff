import Diagnostics
import KubeDirector
import Reports

extension ClusterView {
  /// Creates the view of a cluster's status.
  ///
  /// - Parameters:
  ///   - status: Nil if the engine has not processed the cluster yet.
  ///   - subject: The first line of the message of the commit being applied.
  ///   - path: The cluster's file, which has to be reverted if its upgrade has stalled.
  ///   - whole: Whether the roles of a configured cluster are included too.
  public init(
    name: String, status: ClusterStatus?, subject: String? = nil, path: String? = nil, whole: Bool = false
  ) {
    guard let status else {
      self.init(name: name, state: .changing, app: "")
      return
    }
    let info = status.upgradeInfo
    let state: State =
      if status.stall != nil { .stalled } else if let info {
        info.isRollingBack ? .rollingBack : .upgrading
      } else {
        status.state == .configured ? .configured : .changing
      }
    self.init(
      name: name, state: state, fromApp: info?.prevApp, app: status.app,
      commit: status.specCommit.map { String($0.prefix(7)) }, subject: subject,
      since: state == .configured ? nil : info?.startedAt ?? status.condition(.progressing)?.lastTransition)
    isSuspended = status.isSuspended
    guard whole || state != .configured else { return }
    roles = status.roles.map { Role($0, of: status) }
    if case .revert = status.stall?.remedy, let path, let commit = info?.commit ?? status.specCommit {
      remedyCommand = RestoreCommand.text(before: commit, path: path)
    }
  }
}

extension ClusterView.Role {
  init(_ role: RoleStatus, of status: ClusterStatus) {
    let newestFirst = Array(role.members.reversed())
    guard let info = status.upgradeInfo else {
      self.init(id: role.id, cells: newestFirst.map(Self.cellInTheMaking), count: nil)
      count = (role.members.count { $0.state == .configured && !$0.isStuck }, role.members.count)
      if let member = newestFirst.first(where: \.isStuck)
        ?? newestFirst.first(where: { $0.state != .configured })
      {
        words = member.isStuck ? member.stallReason : "\(member.pod): \(member.state.rawValue)"
        isStalled = member.isStuck
      }
      return
    }
    guard role.upgradeStatus != nil else {
      self.init(id: role.id, cells: [.untouched], count: nil, words: "image unchanged")
      return
    }
    self.init(
      id: role.id, cells: newestFirst.map { Self.cell($0, info, app: status.app) }, count: nil)
    let concerned = newestFirst.filter { !info.isRollingBack || $0.upgrade?.id == info.id }
    let done = concerned.count { $0.isDone(info, app: status.app) }
    count = (done, concerned.count)
    if let stuck = concerned.first(where: { $0.isStuck && !$0.isDone(info, app: status.app) }) {
      words = stuck.stallReason
      isStalled = true
    } else if let busy = concerned.first(where: { Self.cell($0, info, app: status.app) == .underWay }) {
      words = "\(busy.pod): \(busy.step(info))"
      since = busy.upgrade?.since
    } else if concerned.isEmpty {
      words = "untouched"
    } else if done == concerned.count {
      words = info.isRollingBack ? "rolled back" : "upgraded"
    } else {
      words = Self.wait(of: role.id, status).map { "waits \($0)" } ?? ""
    }
  }

  /// The reason why a role without pods in progress waits: `for role db`.
  private static func wait(of role: String, _ status: ClusterStatus) -> String? {
    let message = status.condition(.progressing).map { ProgressMessage($0.message) }
    return message?.waits.first { $0.role == role }?.what
  }

  /// The cell of a member outside an upgrade.
  static func cellInTheMaking(_ member: MemberStatus) -> ClusterView.Cell {
    if member.isStuck { return .stuck }
    switch member.state {
    case .configured: return .done
    case .createPending: return .toCome
    case .creating, .configError, .deletePending, .deleting: return .underWay
    }
  }

  private static func cell(_ member: MemberStatus, _ info: UpgradeInfo, app: String) -> ClusterView.Cell {
    guard let ledger = member.upgrade, ledger.id == info.id else {
      return info.isRollingBack ? .untouched : .toCome
    }
    if member.isDone(info, app: app) { return .done }
    if member.isStuck { return .stuck }
    // A member that the upgrade has finished or begun waits for its turn in the rollback.
    if info.isRollingBack, member.podUpgradeStatus != .rollingBack, ledger.script != .podReverted {
      return .toCome
    }
    return .underWay
  }
}

extension MemberStatus {
  /// Whether an error keeps this member from progressing.
  fileprivate var isStuck: Bool {
    detail.configError != nil || detail.waitingReason != nil || detail.schedulingError != nil
  }

  /// `analytics-worker-2: ErrImagePull registry.example/spark:9 (not found)`.
  fileprivate var stallReason: String {
    let reason = [detail.waitingReason?.rawValue, detail.waitingMessage].compactMap(\.self).joined(
      separator: " ")
    return "\(pod): \(detail.configError ?? detail.schedulingError ?? reason)"
  }

  fileprivate func step(_ info: UpgradeInfo) -> String {
    if podUpgradeStatus == .configured,
      let script = detail.pendingNotifications.first?.event ?? upgrade?.script
    {
      return script.words
    }
    return info.isRollingBack ? "rolling back" : "starting"
  }
}
