import KubeDirector

/// Optional constraints on an upgrade that the owners of a cluster and of its app set by annotations.
struct UpgradePlan: Hashable {
  /// The maximum number of the cluster's pods that may be out of service at a time; nil for one per role.
  var maxUnavailable: Int?
  /// The roles of each stage; stages run one after another. Roles that no stage names come last, together.
  var stages: [Set<String>] = []
  /// The roles whose first upgraded pod makes a rollback impossible.
  var noReturn: Set<String> = []

  /// The limit of the text in bytes: all roles that an app may have fit into it, one per stage. The rest is ignored.
  private static let orderLimit = 16 << 10

  /// Reads the constraints.
  ///
  /// - Parameters:
  ///   - cluster: the annotations of the cluster, which take precedence.
  ///   - app: the annotations of the app that is being upgraded to.
  init(cluster: [String: String], app: [String: String]) {
    func value(_ key: String) -> String? { cluster[key] ?? app[key] }
    // The intention of an invalid number is unknown: one pod at a time is always safe.
    maxUnavailable = value(Wire.Annotation.maxUnavailable).map { max(1, Int($0) ?? 1) }
    let order = (value(Wire.Annotation.roleOrder) ?? "").unicodeScalars.prefix(Self.orderLimit)
    stages = String(order).split(separator: ",").map(Self.words)
    noReturn = ClusterStatus.roles(named: app[Wire.Annotation.pointOfNoReturn])
  }

  /// Splits a text at blanks and commas.
  private static func words(_ text: Substring) -> Set<String> {
    Set(text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init))
  }

  /// The index of a role's stage.
  func stage(of role: String) -> Int { stages.firstIndex { $0.contains(role) } ?? stages.count }
}

extension ClusterMachine {
  /// The constraints on the running upgrade, or on its rollback.
  func plan(_ info: UpgradeInfo) -> UpgradePlan {
    let app = info.isRollingBack ? info.prevApp : status.app
    return UpgradePlan(
      cluster: observed.cluster.metadata.annotations, app: observed.appAnnotations[app] ?? [:])
  }

  /// Why it is not the role's turn yet; nil if it is. In a rollback, the last stage comes first.
  func reasonNotInTurn(_ role: Int, _ info: UpgradeInfo) -> ProgressMessage.Wait? {
    let plan = plan(info)
    guard !plan.stages.isEmpty else { return nil }
    let own = plan.stage(of: status.roles[role].id)
    let earlier = status.roles.first { other in
      let stage = plan.stage(of: other.id)
      let isOpen = other.upgradeStatus == (info.isRollingBack ? .rollingBack : .upgrading)
      return isOpen && (info.isRollingBack ? stage > own : stage < own)
    }
    return earlier.map { ProgressMessage.Wait(role: status.roles[role].id, "for role \($0.id)") }
  }

  /// Why no further pod may be taken out of service; nil if one may.
  ///
  /// In a rollback, only pods count that are being rolled back, or that will be because they are out of service. They
  /// come first, and no other problem of the cluster may block the rollback.
  func reasonNotToDisrupt(_ role: Int, _ info: UpgradeInfo) -> ProgressMessage.Wait? {
    guard let most = plan(info).maxUnavailable else { return nil }
    let out = status.roles.indices.reduce(0) { sum, other in
      let isInTurn = !info.isRollingBack || reasonNotInTurn(other, info) == nil
      return sum
        + status.roles[other].members.count { member in
          let step = step(of: member)
          let isSetUp = health(of: member).isSetUp
          return switch step {
          case .untouched: !info.isRollingBack && !isSetUp
          case .toRollBack(let remains) where remains.hasNewApp: isInTurn && !isSetUp
          case .toRollBack, .claimed, .installed, .done: step.isOpen || !isSetUp
          }
        }
    }
    guard out >= most else { return nil }
    return ProgressMessage.Wait(
      role: status.roles[role].id, "until fewer than \(most) of the cluster's pods are out of service")
  }

  /// Why the running upgrade cannot be rolled back; nil if it can.
  var reasonNotToReturn: String? {
    guard let info = status.upgradeInfo, status.hasPassed(pointOfNoReturn: plan(info).noReturn) else {
      return nil
    }
    return "the point of no return of \(status.app) is passed"
  }

  /// Why the engine does not change an idle cluster to the desired app: that app is older. It was requested as a
  /// rollback, but the upgrade had already ended. Nil if the engine may begin.
  var reasonNotToBegin: String? {
    let wanted = observed.cluster.spec.app
    guard observed.isStamped, status.upgradeInfo == nil, wanted != status.app,
      let new = app(wanted).flatMap({ SemanticVersion($0.version) }),
      let old = app(status.app).flatMap({ SemanticVersion($0.version) }), new < old
    else { return nil }
    return "app \(wanted) is older than \(status.app), which runs, and a rollback is not possible; "
      + "name \(status.app) in git again"
  }
}
