import KubeDirector

// Conditions that users and programs read first: ready, progressing, stalled.
extension ClusterMachine {
  /// A condition's truth, its reason as one word, and its message.
  private typealias Finding = (Bool, String, String)

  func conditions() -> [Condition] {
    let stallReason = StallReason.first(in: status, now: observed.now, deadline: deadline)
    let stalled: Finding =
      if !observed.mismatches.isEmpty {
        (true, Condition.notUnderstood, Condition.notUnderstood(observed.mismatches))
      } else if let missing = missingApp() {
        (true, Condition.appMissing, missing)
      } else if let reason = reasonNotToBegin {
        (true, Condition.noWayBack, reason)
      } else if let stallReason, status.state != .configured {
        (true, stallReason.reason, stallReason.message + wayOut(of: stallReason))
      } else {
        (false, "NoTrouble", "")
      }
    var progressing = condition(.progressing, progress(stalled: stalled.0))
    if progressing.reason == Condition.waitingForConnections {
      progressing.observedGeneration = observed.cluster.metadata.generation
    }
    return [condition(.ready, readiness(stallReason)), progressing, condition(.stalled, stalled)]
  }

  /// Emits a stall event once for each stall, and again if the reason or the pod changes.
  mutating func tellOfStall() {
    guard let stall = status.conditions.first(where: { $0.type == .stalled && $0.status }) else { return }
    let before = observed.status?.condition(.stalled)
    guard before?.status != true || before?.message != stall.message else { return }
    let stallReason = StallReason.first(in: status, now: observed.now, deadline: deadline)
    tell(.stalled(pod: stallReason?.pod, reason: stall.reason, message: stall.message))
  }

  private func missingApp() -> String? {
    var needed = [status.app]
    if let info = status.upgradeInfo { needed.append(info.prevApp) }
    if let missing = needed.first(where: { observed.apps[$0] == nil }) {
      return "app \(missing) is not in the cluster; put its file back"
    }
    let wanted = observed.cluster.spec.app
    guard observed.isStamped, status.upgradeInfo == nil, wanted != status.app else { return nil }
    if observed.apps[wanted] == nil { return "app \(wanted) is not in the cluster; add its file" }
    return lacksRole(wanted)
      ? "app \(wanted) lacks a role of the cluster; return to \(status.app)" : nil
  }

  private func readiness(_ stallReason: StallReason?) -> Finding {
    let members = status.members
    let down = members.count { observed.pods[$0.pod]?.isReady != true || $0.state != .configured }
    if status.state == .configured, down == 0 {
      return (true, "Configured", "\(members.count) members run \(status.app)")
    }
    if let stallReason { return (false, stallReason.reason, stallReason.message) }
    if down == 0 { return (false, "Updating", "members are ready, the cluster is not at rest yet") }
    return (false, "MembersNotReady", "\(down) of \(members.count) members are not ready")
  }

  private func progress(stalled: Bool) -> Finding {
    if isSuspended {
      return (
        false, Condition.suspended, "annotation \(Wire.Annotation.suspend) is set; remove it to continue"
      )
    }
    guard status.state != .configured else {
      guard let unheard else { return (false, "Configured", "") }
      return (true, Condition.waitingForConnections, "the last change is not done; \(unheard)")
    }
    guard !stalled else { return (false, "Stalled", "") }
    guard let info = status.upgradeInfo else {
      return (
        true, status.state == .creating ? "Creating" : "Updating",
        (["members are being set up"] + waits).joined(separator: "; ")
      )
    }
    let way =
      info.isRollingBack
      ? "from \(info.prevApp) back to \(status.app)" : "from \(info.prevApp) to \(status.app)"
    return (true, info.isRollingBack ? "RollingBack" : "Upgrading", ([way] + waits).joined(separator: "; "))
  }

  /// Builds the condition. Keeps the last transition time unless the status changed.
  private func condition(_ type: Condition.Kind, _ now: Finding) -> Condition {
    let before = observed.status?.condition(type)
    let since = before.flatMap { $0.status == now.0 ? $0.lastTransition : nil } ?? observed.now
    return Condition(type: type, status: now.0, reason: now.1, message: now.2, lastTransition: since)
  }
}
