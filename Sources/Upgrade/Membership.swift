import KubeDirector

// Which members there shall be: creating a cluster, adding and removing roles and members.
extension ClusterMachine {
  /// The members that a stamped spec asks for; else those there are.
  private func wantedMembers(_ id: String) -> Int? {
    guard observed.isStamped else {
      return status.role(id)?.members.filter { $0.state != .deletePending && $0.state != .deleting }.count
    }
    guard let role = observed.cluster.spec.role(id) else { return nil }
    return role.members ?? resolved(id, in: status.app)?.cardinality.minimum ?? 0
  }

  mutating func keepMembership() {
    guard app(status.app) != nil else { return }
    addRoles()
    for role in status.roles.indices {
      let id = status.roles[role].id
      let wanted = wantedMembers(id) ?? 0
      let before = status.roles[role].members.filter { $0.state != .deletePending && $0.state != .deleting }.count
      if wanted > status.roles[role].members.count { grow(role, to: wanted) }
      if wanted < before { shrink(role, to: wanted) }
      if before != wanted { tell(.membersChanged(role: id, from: before, to: wanted)) }
      dropGone(role, wanted)
      want(role, SetGoal(app: status.app, replicas: wanted, strategy: .atRest))
    }
    removeRoles()
    createServices()
  }

  private mutating func addRoles() {
    guard observed.isStamped else { return }
    let ids = observed.cluster.spec.roles.map(\.id)
    for id in ids where status.role(id) == nil {
      let name = DerivedNames.statefulSet(cluster: observed.cluster.metadata.name, role: id, among: ids)
      status.roles.append(RoleStatus(id: id, statefulSet: name))
    }
  }

  private mutating func removeRoles() {
    guard observed.isStamped else { return }
    for role in status.roles where observed.cluster.spec.role(role.id) == nil && role.members.isEmpty {
      if observed.sets[role.id] != nil { actions.append(.deleteSet(role: role.id)) }
    }
    status.roles.removeAll {
      observed.cluster.spec.role($0.id) == nil && $0.members.isEmpty && observed.sets[$0.id] == nil
    }
  }

  private mutating func grow(_ role: Int, to wanted: Int) {
    let set = status.roles[role].statefulSet
    let storage = hasStorage(status.roles[role].id)
    let added = (status.roles[role].members.count..<wanted).map { ordinal in
      status.lastNodeID += 1
      let pod = "\(set)-\(ordinal)"
      return MemberStatus(
        pod: pod, nodeID: status.lastNodeID, volumeClaim: storage ? "p-\(pod)" : nil, app: status.app)
    }
    announce(.addNodes, role, added)
    status.roles[role].members += added
    if status.state == .configured { status.state = .updating }
  }

  private mutating func shrink(_ role: Int, to wanted: Int) {
    var leaving: [MemberStatus] = []
    for index in status.roles[role].members.indices.dropFirst(wanted) {
      let state = status.roles[role].members[index].state
      guard state != .deletePending, state != .deleting else { continue }
      status.roles[role].members[index].state = .deletePending
      status.roles[role].members[index].detail.pendingNotifications = []
      leaving.append(status.roles[role].members[index])
    }
    announce(.deleteNodes, role, leaving)
    if status.state == .configured { status.state = .updating }
  }

  /// Forgets members whose pod is gone, from the last down, once the set no longer wants them.
  private mutating func dropGone(_ role: Int, _ wanted: Int) {
    guard let set = observed.sets[status.roles[role].id], set.replicas <= wanted else { return }
    while let last = status.roles[role].members.last, last.state == .deletePending || last.state == .deleting,
      observed.pods[last.pod] == nil
    {
      status.roles[role].members.removeLast()
    }
  }

  /// Queues a notification for every member that is there to hear of others that come or go.
  private mutating func announce(_ event: LifecycleEvent, _ role: Int, _ others: [MemberStatus]) {
    guard !others.isEmpty, status.state != .creating else { return }
    let fqdns = others.map { fqdn($0.pod) }.joined(separator: ",")
    let arguments = ["--role", status.roles[role].id, "--fqdns", fqdns, "--nodegroup", "1"]
    let note = Notification(event: event, arguments: arguments, id: "\(status.observedGeneration)")
    for target in status.roles.indices {
      guard resolved(status.roles[target].id, in: status.app)?.hears(event) == true else { continue }
      for member in status.roles[target].members.indices
      where status.roles[target].members[member].state == .configured {
        status.roles[target].members[member].detail.pendingNotifications.append(note)
      }
    }
  }

  private func fqdn(_ pod: String) -> String {
    let cluster = observed.cluster.metadata
    let headless = DerivedNames.headlessService(cluster: cluster.name)
    return "\(pod).\(headless).\(cluster.namespace).svc.\(observed.settings.clusterDomain)"
  }

  private mutating func createServices() {
    for role in status.roles.indices {
      let id = status.roles[role].id
      guard resolved(id, in: status.app)?.serviceIDs.isEmpty == false else { continue }
      for member in status.roles[role].members.indices
      where status.roles[role].members[member].service == nil
        && status.roles[role].members[member].state != .deletePending
        && status.roles[role].members[member].state != .deleting
      {
        let pod = status.roles[role].members[member].pod
        status.roles[role].members[member].service = DerivedNames.memberService(pod: pod)
        actions.append(.createMemberService(role: id, pod: pod))
      }
    }
  }

  /// Newcomers are told of only when they are up, leavers only when they are gone.
  func isHeldBack(_ notification: Notification) -> Bool {
    switch notification.event {
    case .addNodes:
      status.members.contains { $0.state == .createPending || ($0.state == .creating && $0.upgrade == nil) }
    case .deleteNodes: status.members.contains { $0.state == .deletePending || $0.state == .deleting }
    default: false
    }
  }

  /// Outside an upgrade: at rest once every member is configured and nobody is owed a word.
  mutating func concludeMembers() {
    guard status.upgradeInfo == nil, status.state != .configured, !status.roles.isEmpty else { return }
    let settled = status.members.allSatisfy {
      $0.state == .configured && $0.detail.pendingNotifications.isEmpty
    }
    let setsAgree = status.roles.allSatisfy { role in
      observed.sets[role.id].map { $0.replicas == role.members.count } ?? false
    }
    guard settled, setsAgree else { return }
    status.state = .configured
    tell(.configured(members: status.members.count))
  }
}
