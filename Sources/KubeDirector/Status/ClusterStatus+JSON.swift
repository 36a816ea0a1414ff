import Values

// The wire format of a cluster's status. Absent values are left out. An unknown value of an enum is read as its first
// step, so that a damaged status is rebuilt.

extension ClusterStatus {
  /// Nil if there is no status yet. A status that another operator writes is read as stalled: the engine does nothing
  /// with it.
  public init?(_ status: JSON?) {
    guard let status, let state = status["state"]?.string.flatMap(State.init) else { return nil }
    self.init(
      state: state, app: status["app"]?.string ?? "",
      appCatalog: status["appCatalog"]?.string.flatMap(AppCatalog.init),
      upgradeInfo: status["upgradeInfo"].flatMap(UpgradeInfo.init), specCommit: status["specCommit"]?.string,
      observedGeneration: status["observedGeneration"]?.count() ?? 0,
      lastNodeID: status["lastNodeID"]?.count() ?? 0,
      roles: status["roles"]?.array?.compactMap(RoleStatus.init) ?? [],
      conditions: status["conditions"]?.array?.compactMap(Condition.init) ?? [],
      lastRetry: status["lastRetry"]?.string,
      connections: status["connections"].flatMap(ConnectionState.init), journal: Journal(status["journal"]),
      adopted: status["adopted"].flatMap(AdoptedCluster.init))
    let foreign = ClusterShape.foreignFields(of: status)
    guard !foreign.isEmpty else { return }
    conditions = [
      Condition(
        type: .stalled, status: true, reason: .notUnderstood,
        message: Condition.notUnderstood([.foreignStatus(fields: foreign)]), lastTransition: 0)
    ]
  }

  public var json: JSON {
    var out: JSON = ["state": .string(state.rawValue), "app": .string(app)]
    out["appCatalog"] = appCatalog.map { .string($0.rawValue) }
    out["upgradeInfo"] = upgradeInfo?.json
    out["specCommit"] = specCommit.map(JSON.string)
    out["observedGeneration"] = JSON(observedGeneration)
    out["lastNodeID"] = JSON(lastNodeID)
    out["lastRetry"] = lastRetry.map(JSON.string)
    out["connections"] = connections?.json
    out["adopted"] = adopted?.json
    out["memberStateRollup"] = rollup.json
    out["conditions"] = .array(conditions.map(\.json))
    out["roles"] = .array(roles.map(\.json))
    if !journal.runs.isEmpty { out["journal"] = journal.json }
    return out
  }
}

extension UpgradeInfo {
  init?(_ info: JSON) {
    guard let prevApp = info["prevApp"]?.string, let id = info["id"]?.string else { return nil }
    self.init(
      isRollingBack: info["isRollingBack"]?.bool ?? false, prevApp: prevApp,
      prevAppCatalog: info["prevAppCatalog"]?.string.flatMap(AppCatalog.init), id: id,
      startedAt: info["startedAt"]?.string.flatMap(Timestamp.seconds) ?? 0,
      announced: info["announced"]?.bool ?? false)
  }

  var json: JSON {
    var out: JSON = [
      "isRollingBack": .bool(isRollingBack), "prevApp": .string(prevApp), "id": .string(id),
      "startedAt": .string(Timestamp.text(startedAt)),
    ]
    out["prevAppCatalog"] = prevAppCatalog.map { .string($0.rawValue) }
    if announced { out["announced"] = true }
    return out
  }
}

extension RoleStatus {
  init?(_ role: JSON) {
    guard let id = role["id"]?.string else { return nil }
    self.init(
      id: id, statefulSet: role["statefulSet"]?.string ?? "",
      upgradeStatus: role["roleUpgradeStatus"]?.string.flatMap(UpgradeStatus.init),
      progressedAt: role["progressedAt"]?.string.flatMap(Timestamp.seconds),
      members: role["members"]?.array?.compactMap(MemberStatus.init) ?? [])
  }

  var json: JSON {
    var out: JSON = ["id": .string(id), "statefulSet": .string(statefulSet)]
    out["roleUpgradeStatus"] = upgradeStatus.map { .string($0.rawValue) }
    out["progressedAt"] = progressedAt.map { .string(Timestamp.text($0)) }
    out["members"] = .array(members.map(\.json))
    return out
  }
}

extension MemberStatus {
  init?(_ member: JSON) {
    guard let pod = member["pod"]?.string else { return nil }
    self.init(
      pod: pod, nodeID: member["nodeID"]?.count() ?? 0, service: member["service"]?.string,
      volumeClaim: member["pvc"]?.string,
      state: member["state"]?.string.flatMap(State.init) ?? .createPending,
      podUpgradeStatus: member["podUpgradeStatus"]?.string.flatMap(PodUpgradeStatus.init),
      app: member["app"]?.string, upgrade: member["upgrade"].flatMap(Ledger.init),
      detail: Detail(member["stateDetail"] ?? [:]))
  }

  var json: JSON {
    var out: JSON = ["pod": .string(pod), "nodeID": JSON(nodeID), "state": .string(state.rawValue)]
    out["service"] = service.map(JSON.string)
    out["pvc"] = volumeClaim.map(JSON.string)
    out["podUpgradeStatus"] = podUpgradeStatus.map { .string($0.rawValue) }
    out["app"] = app.map(JSON.string)
    out["upgrade"] = upgrade?.json
    let detail = detail.json
    if detail.object?.isEmpty == false { out["stateDetail"] = detail }
    return out
  }
}

extension MemberStatus.Ledger {
  init?(_ ledger: JSON) {
    guard let id = ledger["id"]?.string else { return nil }
    self.init(
      id: id, revision: ledger["revision"]?.string ?? "", containerID: ledger["containerID"]?.string,
      script: ledger["script"]?.string.flatMap(LifecycleEvent.init), exitCode: ledger["exitCode"]?.integer,
      done: ledger["done"]?.bool ?? false, since: ledger["since"]?.string.flatMap(Timestamp.seconds) ?? 0)
  }

  var json: JSON {
    var out: JSON = ["id": .string(id), "revision": .string(revision)]
    out["containerID"] = containerID.map(JSON.string)
    out["script"] = script.map { .string($0.rawValue) }
    out["exitCode"] = exitCode.map { JSON($0) }
    if done { out["done"] = true }
    out["since"] = .string(Timestamp.text(since))
    return out
  }
}

extension MemberStatus.Detail {
  init(_ detail: JSON) {
    self.init(
      lastConfiguredContainer: detail["lastConfiguredContainer"]?.string,
      pendingNotifications: detail["pendingNotifyCmds"]?.array?.compactMap(Notification.init) ?? [],
      configError: detail["configErrorDetail"]?.string, lastStdout: detail["lastStdout"]?.string,
      lastStderr: detail["lastStderr"]?.string,
      waitingReason: detail["waitingReason"]?.string.map(StatusReason.init(rawValue:)),
      waitingMessage: detail["waitingMessage"]?.string,
      schedulingError: detail["schedulingErrorMessage"]?.string,
      failedStep: detail["failedStep"]?.string.flatMap(FailedStep.init), backup: detail["backup"]?.string)
  }

  var json: JSON {
    var out: JSON = [:]
    out["lastConfiguredContainer"] = lastConfiguredContainer.map(JSON.string)
    if !pendingNotifications.isEmpty { out["pendingNotifyCmds"] = .array(pendingNotifications.map(\.json)) }
    out["configErrorDetail"] = configError.map(JSON.string)
    out["lastStdout"] = lastStdout.map(JSON.string)
    out["lastStderr"] = lastStderr.map(JSON.string)
    out["waitingReason"] = waitingReason.map { .string($0.rawValue) }
    out["waitingMessage"] = waitingMessage.map(JSON.string)
    out["schedulingErrorMessage"] = schedulingError.map(JSON.string)
    out["failedStep"] = failedStep.map { .string($0.rawValue) }
    out["backup"] = backup.map(JSON.string)
    return out
  }
}

extension Condition {
  init?(_ condition: JSON) {
    guard let type = condition["type"]?.string.flatMap(Kind.init) else { return nil }
    self.init(
      type: type, status: condition["status"]?.string == "True",
      reason: StatusReason(rawValue: condition["reason"]?.string ?? ""),
      message: condition["message"]?.string ?? "",
      lastTransition: condition["lastTransitionTime"]?.string.flatMap(Timestamp.seconds) ?? 0,
      observedGeneration: condition["observedGeneration"]?.count())
  }

  var json: JSON {
    var out: JSON = [
      "type": .string(type.rawValue), "status": status ? "True" : "False", "reason": .string(reason.rawValue),
      "message": .string(message), "lastTransitionTime": .string(Timestamp.text(lastTransition)),
    ]
    out["observedGeneration"] = observedGeneration.map { JSON($0) }
    return out
  }
}

extension ClusterStatus.Rollup {
  var json: JSON {
    [
      "membershipChanging": .bool(membershipChanging), "membersDown": .bool(membersDown),
      "membersInitializing": .bool(membersInitializing), "membersWaiting": .bool(membersWaiting),
      "membersRestarting": .bool(membersRestarting), "membersUpgrading": .bool(membersUpgrading),
      "membersRollingBack": .bool(membersRollingBack), "configErrors": .bool(configErrors),
      "membersNotScheduled": .bool(membersNotScheduled),
    ]
  }
}
