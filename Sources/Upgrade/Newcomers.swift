import KubeDirector

// What members that are there hear of others that come and go: `--addnodes`, `--delnodes`.
extension ClusterMachine {
  mutating func announceNewcomers(_ role: Int, _ pods: [String]) {
    guard !pods.isEmpty, status.state != .creating else { return }
    let note = notification(.addNodes, role, pods.map(fqdn))
    for (target, member) in listeners(to: .addNodes) {
      status.roles[target].members[member].detail.pendingNotifications.append(note)
    }
  }

  /// Who has not yet heard that somebody came need not hear that he goes.
  mutating func announceLeavers(_ role: Int, _ pods: [String]) {
    guard !pods.isEmpty, status.state != .creating else { return }
    let leaving = pods.map(fqdn)
    for (target, index) in listeners(to: .deleteNodes) {
      let member = status.roles[target].members[index]
      var unheard: Set<String> = []
      var notes = member.detail.pendingNotifications.compactMap { note -> Notification? in
        guard note.event == .addNodes, note.role == status.roles[role].id,
          !note.isRunning(observed.work[member.pod])
        else { return note }
        unheard.formUnion(note.fqdns.filter(leaving.contains))
        let rest = note.fqdns.filter { !leaving.contains($0) }
        return rest.isEmpty ? nil : notification(.addNodes, role, rest, id: note.id)
      }
      let heard = leaving.filter { !unheard.contains($0) }
      if !heard.isEmpty { notes.append(notification(.deleteNodes, role, heard)) }
      status.roles[target].members[index].detail.pendingNotifications = notes
    }
  }

  /// The members that were set up already, of roles that hear the event. What others need to know stands in the
  /// `configmeta.json` that they are set up with.
  private func listeners(to event: LifecycleEvent) -> [(role: Int, member: Int)] {
    status.roles.indices.flatMap { role -> [(role: Int, member: Int)] in
      guard resolved(status.roles[role].id, in: status.app)?.hears(event) == true else { return [] }
      return status.roles[role].members.indices.filter { index in
        let member = status.roles[role].members[index]
        return !member.isLeaving && member.detail.lastConfiguredContainer != nil
      }.map { (role, $0) }
    }
  }

  private func notification(
    _ event: LifecycleEvent, _ role: Int, _ fqdns: [String], id: String? = nil
  ) -> Notification {
    Notification(
      event: event,
      arguments: [
        "--role", status.roles[role].id, "--fqdns", fqdns.joined(separator: ","), "--nodegroup", "1",
      ], id: id ?? "\(observed.cluster.metadata.generation)")
  }

  private func fqdn(_ pod: String) -> String {
    let cluster = observed.cluster.metadata
    let headless = DerivedNames.headlessService(cluster: cluster.name)
    return "\(pod).\(headless).\(cluster.namespace).svc.\(observed.settings.clusterDomain)"
  }

  /// Newcomers are told of only when they are up, leavers only when they are gone.
  func isHeldBack(_ notification: Notification) -> Bool {
    guard notification.event == .addNodes || notification.event == .deleteNodes,
      let role = status.role(notification.role)
    else { return false }
    let concerned = role.members.filter {
      notification.event == .deleteNodes ? $0.isLeaving : $0.state != .configured
    }
    guard !concerned.isEmpty else { return false }
    let named = Set(notification.fqdns)
    return concerned.contains { named.contains(fqdn($0.pod)) }
  }
}

extension Notification {
  /// The role that came or went, by the arguments that say so.
  fileprivate var role: String { arguments.count > 1 ? arguments[1] : "" }
  fileprivate var fqdns: [String] {
    arguments.count > 3 ? arguments[3].split(separator: ",").map(String.init) : []
  }

  fileprivate func isRunning(_ work: PodWork?) -> Bool {
    guard case .running(let order) = work, case .script(self, _) = order.task else { return false }
    return true
  }
}
