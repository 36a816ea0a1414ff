import KubeDirector

// What members that are there hear of others that come and go: `--addnodes`, `--delnodes`.
extension ClusterMachine {
  mutating func announceNewcomers(_ role: Int, _ ordinals: Range<Int>) {
    guard !ordinals.isEmpty, status.state != .creating else { return }
    let note = notification(.addNodes, role, ordinals)
    for (target, member) in listeners(to: .addNodes) {
      status.roles[target].members[member].detail.pendingNotifications.append(note)
    }
  }

  /// Who has not yet heard that somebody came need not hear that he goes.
  mutating func announceLeavers(_ role: Int, _ leaving: [Int]) {
    guard !leaving.isEmpty, status.state != .creating else { return }
    for (target, index) in listeners(to: .deleteNodes) {
      let member = status.roles[target].members[index]
      var unheard: Set<Int> = []
      var notes = member.detail.pendingNotifications.compactMap { note -> Notification? in
        guard note.event == .addNodes, let nodes = note.nodes, nodes.role == status.roles[role].id,
          !note.isRunning(observed.work[member.pod])
        else { return note }
        unheard.formUnion(leaving.filter(nodes.contains))
        let rest = nodes.ordinals.joined().filter { !leaving.contains($0) }
        return rest.isEmpty ? nil : notification(.addNodes, role, rest, id: note.id)
      }
      let heard = leaving.filter { !unheard.contains($0) }
      if !heard.isEmpty { notes.append(notification(.deleteNodes, role, heard)) }
      status.roles[target].members[index].detail.pendingNotifications = notes
    }
  }

  /// The members that were set up already, of roles that hear the event. What others need to know stands in the
  /// `configmeta.json` that they are set up with.
  func listeners(to event: LifecycleEvent) -> [(role: Int, member: Int)] {
    status.roles.indices.flatMap { role -> [(role: Int, member: Int)] in
      guard resolved(status.roles[role].id, in: status.app)?.hears(event) == true else { return [] }
      return status.roles[role].members.indices.filter { index in
        let member = status.roles[role].members[index]
        return !member.isLeaving && member.detail.lastConfiguredContainer != nil
      }.map { (role, $0) }
    }
  }

  private func notification(
    _ event: LifecycleEvent, _ role: Int, _ ordinals: some Sequence<Int>, id: String? = nil
  ) -> Notification {
    let role = status.roles[role]
    return Notification(
      event: event,
      nodes: Notification.Nodes(role: role.id, statefulSet: role.statefulSet, ordinals: ordinals),
      id: id ?? "\(observed.cluster.metadata.generation)")
  }

  /// Newcomers are told of only when they are up, leavers only when they are gone.
  func isHeldBack(_ notification: Notification) -> Bool {
    guard let nodes = notification.nodes, let role = status.role(nodes.role) else { return false }
    return role.members.indices.contains { ordinal in
      let member = role.members[ordinal]
      let isConcerned = notification.event == .deleteNodes ? member.isLeaving : member.state != .configured
      return isConcerned && nodes.contains(ordinal)
    }
  }
}

extension Notification {
  func isRunning(_ work: PodWork?) -> Bool {
    guard case .running(let order) = work, case .script(self, _) = order.task else { return false }
    return true
  }
}
