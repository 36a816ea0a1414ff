import KubeDirector

// Conditions that users and programs read first: ready, progressing, stalled.
extension ClusterMachine {
  /// A condition's truth, its reason, and its message.
  private typealias Finding = (Bool, StatusReason, String)

  func conditions() -> [Condition] {
    let podStall = Stall.first(in: status, now: observed.now, deadline: deadline)
    let stall = stall(podStall)
    let stalled: Finding = stall.map { (true, $0.reason, $0.message) } ?? (false, "NoTrouble", "")
    var progressing = condition(.progressing, progress(isStalled: stall != nil))
    if progressing.reason == .waitingForConnections {
      progressing.observedGeneration = observed.cluster.metadata.generation
    }
    return [condition(.ready, readiness(podStall)), progressing, condition(.stalled, stalled)]
  }

  /// The stall of the cluster with its remedy; nil if the cluster can progress.
  ///
  /// - Parameter podStall: the stall found in a pod. Outside a change, a pod that is down stalls nothing.
  private func stall(_ podStall: Stall?) -> Stall? {
    if !observed.mismatches.isEmpty {
      return Stall(reason: .notUnderstood, cause: Condition.notUnderstood(observed.mismatches))
    }
    if let missing = missingApp() { return Stall(reason: .appMissing, cause: missing) }
    if let reason = reasonNotToBegin { return Stall(reason: .noWayBack, cause: reason) }
    return status.state == .configured ? nil : podStall.map(withRemedy)
  }

  /// Emits a stall event once for each stall, and again if the condition changes.
  mutating func emitStall() {
    guard let condition = status.condition(.stalled), let stall = Stall(condition) else { return }
    guard observed.status?.stall?.message != stall.message else { return }
    emit(.stalled(stall))
  }

  private func missingApp() -> String? {
    var needed = [status.app]
    if let info = status.upgradeInfo { needed.append(info.prevApp) }
    if let missing = needed.first(where: { observed.apps[$0] == nil }) {
      return "app \(missing) is not in the cluster; restore its file"
    }
    let wanted = observed.cluster.spec.app
    guard observed.isStamped, status.upgradeInfo == nil, wanted != status.app else { return nil }
    if observed.apps[wanted] == nil { return "app \(wanted) is not in the cluster; add its file" }
    return lacksRole(wanted)
      ? "app \(wanted) lacks a role of the cluster; return to \(status.app)" : nil
  }

  private func readiness(_ podStall: Stall?) -> Finding {
    let members = status.members
    let down = members.count { observed.pods[$0.pod]?.isReady != true || $0.state != .configured }
    if status.state == .configured, down == 0 {
      return (true, "Configured", "\(members.count) members run \(status.app)")
    }
    if let podStall { return (false, podStall.reason, podStall.cause) }
    if down == 0 { return (false, "Updating", "members are ready, the last operation has not ended yet") }
    return (false, "MembersNotReady", "\(down) of \(members.count) members are not ready")
  }

  private func progress(isStalled: Bool) -> Finding {
    if isSuspended {
      return (
        false, .suspended, "annotation \(Wire.Annotation.suspend) is set; remove it to continue"
      )
    }
    guard status.state != .configured else {
      guard let unnotified else { return (false, "Configured", "") }
      return (true, .waitingForConnections, "the last change is not done; \(unnotified)")
    }
    guard !isStalled else { return (false, "Stalled", "") }
    guard let info = status.upgradeInfo else {
      return (
        true, status.state == .creating ? "Creating" : "Updating",
        ProgressMessage(change: "members are being set up", waits: waits).text
      )
    }
    let way =
      info.isRollingBack
      ? "from \(info.prevApp) back to \(status.app)" : "from \(info.prevApp) to \(status.app)"
    return (
      true, info.isRollingBack ? "RollingBack" : "Upgrading", ProgressMessage(change: way, waits: waits).text
    )
  }

  /// Builds the condition. Keeps the last transition time unless the status changed.
  private func condition(_ type: Condition.Kind, _ now: Finding) -> Condition {
    let before = observed.status?.condition(type)
    let since = before.flatMap { $0.status == now.0 ? $0.lastTransition : nil } ?? observed.now
    return Condition(type: type, status: now.0, reason: now.1, message: now.2, lastTransition: since)
  }
}
