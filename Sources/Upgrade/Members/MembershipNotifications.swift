import KubeDirector

// Membership notifications: existing members are notified of added and removed ones by `--addnodes` and `--delnodes`.
extension ClusterMachine {
  mutating func announceNewcomers(_ role: Int, _ ordinals: Range<Int>) {
    guard !ordinals.isEmpty else { return }
    let note = notification(.addNodes, role, ordinals)
    for (target, member) in listeners(to: .addNodes) {
      status.roles[target].members[member].detail.pendingNotifications.append(note)
    }
    for target in status.roles.indices where resolved(target)?.subscribes(.addNodes) == false {
      for member in status.roles[target].members.indices { refresh(target, member, role, ordinals) }
    }
  }

  private func resolved(_ role: Int) -> ResolvedRole? { resolved(status.roles[role].id, in: status.app) }

  /// Queues that the member's `configmeta.json` is written again, without a script: once the new members are up or the
  /// leaving ones are gone, as for members that are notified. The newest change replaces an earlier one that is still
  /// queued, because the file always has the present members.
  private mutating func refresh(_ target: Int, _ index: Int, _ role: Int, _ ordinals: some Sequence<Int>) {
    var member = status.roles[target].members[index]
    guard resolved(target)?.package != nil, !member.isLeaving, member.detail.lastConfiguredContainer != nil
    else { return }
    let work = observed.work[member.pod]
    let failed = member.failedNotification
    member.detail.pendingNotifications.removeAll {
      $0.event == .refresh && $0 != failed && !$0.isRunning(work)
    }
    member.detail.pendingNotifications.append(notification(.refresh, role, ordinals))
    status.roles[target].members[index] = member
  }

  /// Queues `--delnodes` for members that may have been notified of the leaving ones. A member that was never notified
  /// of an addition is not notified of the removal. A member that may have been notified must be, even if its script
  /// failed: the script may have added the new member partially.
  ///
  /// Call this before the leaving members get their new state.
  mutating func announceLeavers(_ role: Int, _ leaving: [Int]) {
    guard !leaving.isEmpty else { return }
    for target in status.roles.indices {
      let subscribes = resolved(status.roles[target].id, in: status.app)?.subscribes(.deleteNodes) == true
      for index in status.roles[target].members.indices
      where !status.roles[target].members[index].isLeaving {
        var member = status.roles[target].members[index]
        let unnotified = forget(role, leaving, &member)
        let notified = leaving.filter { !unnotified.contains($0) }
        let receives = subscribes && member.detail.lastConfiguredContainer != nil && !notified.isEmpty
        if receives { member.detail.pendingNotifications.append(notification(.deleteNodes, role, notified)) }
        status.roles[target].members[index] = member
        if !receives { refresh(target, index, role, leaving) }
      }
    }
  }

  /// Removes leaving members from pending `addNodes` notifications, whether or not the role subscribes to
  /// `deleteNodes`. A script that runs, or that an earlier daemon may have started in the current container, is left
  /// to finish.
  ///
  /// - Returns: the leaving members of which this member has certainly not been notified.
  private func forget(_ role: Int, _ leaving: [Int], _ member: inout MemberStatus) -> Set<Int> {
    let failed = member.failedNotification
    let turn = turn(of: member)
    var unnotified: Set<Int> = []
    var notes: [Notification] = []
    for note in member.detail.pendingNotifications {
      guard note.event == .addNodes, let nodes = note.nodes, nodes.role == status.roles[role].id,
        leaving.contains(where: nodes.contains), !(note == turn && isInItsContainer(member))
      else {
        notes.append(note)
        continue
      }
      if note != turn, note != failed, !note.isRetried {
        unnotified.formUnion(leaving.filter(nodes.contains))
      }
      let rest = nodes.ordinals.joined().filter { !leaving.contains($0) }
      if !rest.isEmpty {
        notes.append(notification(.addNodes, role, rest, id: note.id))
      } else if note == failed {
        member.clearError()
      }
    }
    member.detail.pendingNotifications = notes
    if failed != nil, member.detail.configError == nil {
      member.state = member.needsSetUp ? .creating : .configured
    }
    return unnotified
  }

  /// The notification whose script runs, or the next one to run, because an earlier daemon may have started it. With
  /// storage, the volume keeps the record of a started script even after its container is gone.
  private func turn(of member: MemberStatus) -> Notification? {
    let next = member.detail.pendingNotifications.first { !isHeldBack($0) }
    if case .running(let order) = observed.work[member.pod] {
      guard case .script(let notification, _) = order.task else { return hasStorage(order.role) ? next : nil }
      return notification
    }
    return member.state == .configError ? nil : next
  }

  /// Whether the container that was set up last still exists, so that a script may run in it.
  private func isInItsContainer(_ member: MemberStatus) -> Bool {
    guard let pod = observed.pods[member.pod], pod.isContainerReady else { return false }
    return pod.containerID == member.detail.lastConfiguredContainer
  }

  /// The members that are already set up, of roles that subscribe to the event. Other members get the same information
  /// from the `configmeta.json` that they are set up with.
  func listeners(to event: LifecycleEvent) -> [(role: Int, member: Int)] {
    status.roles.indices.flatMap { role -> [(role: Int, member: Int)] in
      guard resolved(status.roles[role].id, in: status.app)?.subscribes(event) == true else { return [] }
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

  /// Whether the notification must wait: additions are sent only once the new members are up, removals only once the
  /// members are gone.
  func isHeldBack(_ notification: Notification) -> Bool {
    guard let nodes = notification.nodes, let role = status.role(nodes.role) else { return false }
    return role.members.indices.contains { ordinal in
      let member = role.members[ordinal]
      // A refresh follows both kinds of change; a leaving member is not configured either.
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
