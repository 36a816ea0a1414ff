import KubeDirector

/// What the owners of a cluster and of its app ask of an upgrade beyond what always holds, by annotations. Off unless
/// asked for.
struct UpgradePlan: Hashable {
  /// How many pods of the cluster may be out of service at a time; nil for one a role.
  var maxUnavailable: Int?
  /// Roles that go one stage after another; those that no stage names go last, together.
  var stages: [Set<String>] = []
  /// The roles whose first upgraded pod leaves no way back.
  var noReturn: Set<String> = []

  /// All roles that an app may have fit into so many bytes, one a stage; what is written behind them orders nothing.
  private static let orderLimit = 16 << 10

  /// - Parameters:
  ///   - cluster: the annotations of the cluster, which are stronger.
  ///   - app: those of the app that is being upgraded to.
  init(cluster: [String: String], app: [String: String]) {
    func value(_ key: String) -> String? { cluster[key] ?? app[key] }
    // What is no such number may have been meant as any: one at a time is never too many.
    maxUnavailable = value(Wire.Annotation.maxUnavailable).map { max(1, Int($0) ?? 1) }
    let order = (value(Wire.Annotation.roleOrder) ?? "").unicodeScalars.prefix(Self.orderLimit)
    stages = String(order).split(separator: ",").map(Self.words)
    noReturn = ClusterStatus.roles(named: app[Wire.Annotation.pointOfNoReturn])
  }

  /// What stands between blanks and commas.
  private static func words(_ text: Substring) -> Set<String> {
    Set(text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init))
  }

  /// The number of a role's stage.
  func stage(of role: String) -> Int { stages.firstIndex { $0.contains(role) } ?? stages.count }
}

extension ClusterMachine {
  /// Of the upgrade that runs, and of its rollback.
  func plan(_ info: UpgradeInfo) -> UpgradePlan {
    let app = info.isRollingBack ? info.prevApp : status.app
    return UpgradePlan(
      cluster: observed.cluster.metadata.annotations, app: observed.appAnnotations[app] ?? [:])
  }

  /// Why a role's turn has not come; nil where it has. On the way back the last stage goes first.
  func reasonNotInTurn(_ role: Int, _ info: UpgradeInfo) -> String? {
    let plan = plan(info)
    guard !plan.stages.isEmpty else { return nil }
    let own = plan.stage(of: status.roles[role].id)
    let earlier = status.roles.first { other in
      let stage = plan.stage(of: other.id)
      let isOpen = other.upgradeStatus == (info.isRollingBack ? .rollingBack : .upgrading)
      return isOpen && (info.isRollingBack ? stage > own : stage < own)
    }
    return earlier.map { "\(status.roles[role].id) waits for role \($0.id)" }
  }

  /// Why one pod more may not be out of service; nil where it may.
  ///
  /// On the way back only those count that are on it, or are about to be because they are out of service: these go
  /// first, and nothing else that ails the cluster may stand in its way.
  func reasonToSpare(_ role: Int, _ info: UpgradeInfo) -> String? {
    guard let most = plan(info).maxUnavailable else { return nil }
    let out = status.roles.indices.reduce(0) { sum, other in
      let isInTurn = !info.isRollingBack || reasonNotInTurn(other, info) == nil
      return sum
        + status.roles[other].members.count { member in
          let isTouched = member.upgrade?.id == info.id
          let isInHand = isTouched && member.upgrade?.done == false
          guard info.isRollingBack else { return isInHand || isUnwell(member) }
          let isOnItsWay = member.podUpgradeStatus == .rollingBack || member.app == status.app
          return isTouched && (isOnItsWay ? isInHand || isUnwell(member) : isInTurn && isUnwell(member))
        }
    }
    guard out >= most else { return nil }
    return "\(status.roles[role].id) waits until fewer than \(most) of the cluster's pods are out of service"
  }

  /// Why there is no way back from the upgrade that runs; nil where there is one.
  var reasonNotToReturn: String? {
    guard let info = status.upgradeInfo, status.hasPassed(pointOfNoReturn: plan(info).noReturn) else {
      return nil
    }
    return "the point of no return of \(status.app) is passed"
  }

  /// Why the app that is wanted is not gone to though the cluster is at rest: it was wanted as a way back, and came
  /// too late.
  var reasonNotToBegin: String? {
    let wanted = observed.cluster.spec.app
    guard observed.isStamped, status.upgradeInfo == nil, wanted != status.app,
      let new = app(wanted).flatMap({ SemanticVersion($0.version) }),
      let old = app(status.app).flatMap({ SemanticVersion($0.version) }), new < old
    else { return nil }
    return "app \(wanted) is older than \(status.app), which runs, and there is no way back; "
      + "name \(status.app) in git again"
  }
}
