import KubeDirector

extension Stage {
  /// Writes the differences between a new status and the old one to the transcript.
  mutating func describe(_ new: ClusterStatus, over old: ClusterStatus?) {
    guard isRecording else { return }
    describeUpgrade(new, old)
    for role in new.roles {
      let before = old?.role(role.id)
      for member in role.members.dropFirst(before?.members.count ?? 0) {
        write("member \(Self.short(member.pod)) node \(member.nodeID)")
      }
      for (index, member) in role.members.enumerated().reversed() {
        let known = before.flatMap { $0.members.indices.contains(index) ? $0.members[index] : nil }
        describe(member, over: known)
      }
      for gone in (before?.members ?? []).dropFirst(role.members.count) {
        write("forget \(Self.short(gone.pod))")
      }
      if let step = role.upgradeStatus, step != before?.upgradeStatus {
        write("role \(role.id) \(step.rawValue)")
      }
    }
    if new.state != old?.state { write("state \(new.state.rawValue)") }
    describeStall(new, old)
  }

  private mutating func describeUpgrade(_ new: ClusterStatus, _ old: ClusterStatus?) {
    if let old, old.app != new.app, old.upgradeInfo == nil, new.upgradeInfo == nil { write("app \(new.app)") }
    guard new.upgradeInfo?.isRollingBack != old?.upgradeInfo?.isRollingBack else { return }
    guard let info = new.upgradeInfo else {
      write("end \(new.app)")
      return
    }
    write("\(info.isRollingBack ? "rollback" : "upgrade") \(info.prevApp) to \(new.app)")
  }

  private mutating func describe(_ member: MemberStatus, over old: MemberStatus?) {
    let pod = Self.short(member.pod)
    if let step = member.podUpgradeStatus,
      step != old?.podUpgradeStatus || member.upgrade?.since != old?.upgrade?.since
    {
      write(step == .configured ? "\(pod) \(step.rawValue)" : "claim \(pod) \(step.rawValue)")
    }
    if member.upgrade?.done == true, old?.upgrade?.done != true { write("done \(pod)") }
    if member.isLeaving, old?.isLeaving == false { write("leave \(pod)") }
    if let error = member.detail.configError, error != old?.detail.configError {
      write("error \(pod): \(error)")
    }
  }

  private mutating func describeStall(_ new: ClusterStatus, _ old: ClusterStatus?) {
    guard let now = new.condition(.stalled) else { return }
    let before = old?.condition(.stalled)
    let shorter = now.message.split(separator: "\(Self.name)-").joined()
    if now.status, now.message != before?.message { write("stalled \(now.reason): \(shorter)") }
    if !now.status, before?.status == true { write("stalled no more") }
  }
}

extension MemberStatus {
  var isLeaving: Bool { state == .deletePending || state == .deleting }
}
