import KubeDirector

// Membership: creating a cluster, adding and removing roles and members.
extension ClusterMachine {
  /// The number of members that a stamped spec requests; for a spec without a valid stamp, the current number.
  private func wantedMembers(_ id: String) -> Int {
    guard observed.isStamped else { return status.role(id)?.staying ?? 0 }
    guard let role = observed.cluster.spec.role(id) else { return 0 }
    let members = role.members ?? resolved(id, in: status.app)?.cardinality.minimum ?? 0
    // The validation rules allow no more in files, but an app that was created by hand may contain any number.
    return min(max(0, members), ClusterSpec.memberLimit)
  }

  /// False for a role that a stamped spec no longer has.
  private func isWanted(_ id: String) -> Bool { !observed.isStamped || observed.cluster.spec.role(id) != nil }

  /// Whether every change of roles and members that the spec requests has been started.
  var hasWantedMembers: Bool {
    observed.cluster.spec.roles.allSatisfy { status.role($0.id)?.staying == wantedMembers($0.id) }
      && status.roles.allSatisfy { $0.staying == wantedMembers($0.id) }
  }

  mutating func keepMembership() {
    guard app(status.app) != nil else { return }
    addRoles()
    for role in status.roles.indices {
      dropGone(role)
      let wanted = wantedMembers(status.roles[role].id)
      let before = status.roles[role].staying
      // New members are created only after leaving members are gone, because they get the same ordinals.
      if wanted > before, status.roles[role].members.count == before { grow(role, to: wanted) }
      if wanted < before { shrink(role, to: wanted) }
      // The set of a removed role is not created again.
      if status.roles[role].members.isEmpty, !isWanted(status.roles[role].id),
        observed.sets[status.roles[role].id] == nil
      {
        continue
      }
      want(
        role, SetGoal(app: status.app, replicas: status.roles[role].staying, strategy: restStrategy(role)))
    }
    removeRoles()
    keepServices()
  }

  private mutating func addRoles() {
    guard observed.isStamped else { return }
    let ids = observed.cluster.spec.roles.map(\.id)
    guard ids.contains(where: { status.role($0) == nil }) else { return }
    let names = DerivedNames.statefulSets(cluster: observed.cluster.metadata.name, roles: ids)
    for (id, name) in zip(ids, names) where status.role(id) == nil {
      status.roles.append(RoleStatus(id: id, statefulSet: name))
    }
  }

  private mutating func removeRoles() {
    guard observed.isStamped else { return }
    for role in status.roles where !isWanted(role.id) && role.members.isEmpty {
      guard let set = observed.sets[role.id] else { continue }
      if set.replicas == 0 { actions.append(.deleteSet(role: role.id)) }
    }
    // A role stays in the status until its services are deleted: afterwards they cannot be attributed to it.
    status.roles = status.roles.filter { role in
      isWanted(role.id) || !role.members.isEmpty || observed.sets[role.id] != nil
        || !leftOverServices(of: role).isEmpty
    }
  }

  private mutating func grow(_ role: Int, to wanted: Int) {
    let set = status.roles[role].statefulSet
    let before = status.roles[role].members.count
    let storage = hasStorage(status.roles[role].id)
    let added = (before..<wanted).map { ordinal in
      status.lastNodeID += 1
      let pod = DerivedNames.pod(statefulSet: set, ordinal: ordinal)
      let claim = storage ? DerivedNames.claim(statefulSet: set, ordinal: ordinal) : nil
      return MemberStatus(pod: pod, nodeID: status.lastNodeID, volumeClaim: claim, app: status.app)
    }
    announceNewcomers(role, before..<wanted)
    status.roles[role].members += added
    let claims = added.compactMap(\.volumeClaim).filter { status.adopted?.newClaims.contains($0) == false }
    status.adopted?.newClaims += claims
    emit(.membersChanged(role: status.roles[role].id, from: before, to: wanted))
    if status.state == .configured { status.state = .updating }
  }

  private mutating func shrink(_ role: Int, to wanted: Int) {
    let before = status.roles[role].staying
    let leaving = status.roles[role].members.indices.dropFirst(wanted).filter {
      !status.roles[role].members[$0].isLeaving
    }
    announceLeavers(role, leaving)
    for index in leaving {
      status.roles[role].members[index].state = .deletePending
      status.roles[role].members[index].detail.pendingNotifications = []
      status.roles[role].members[index].clearError()
    }
    emit(.membersChanged(role: status.roles[role].id, from: before, to: wanted))
    if status.state == .configured { status.state = .updating }
  }

  /// Removes members whose pod is gone, from the last ordinal down, once the set no longer wants them.
  private mutating func dropGone(_ role: Int) {
    guard let set = observed.sets[status.roles[role].id], set.replicas <= status.roles[role].staying else {
      return
    }
    while let last = status.roles[role].members.last, last.isLeaving, observed.pods[last.pod] == nil {
      // Without its member, a service with a name from another operator cannot be attributed to the role.
      let service = last.serviceName
      if service != DerivedNames.memberService(pod: last.pod),
        observed.memberServices?.contains(service) == true
      {
        return actions.append(.deleteMemberService(name: service))
      }
      status.roles[role].members.removeLast()
    }
  }

  /// Ensures a service for each member of a role with services, and deletes the services of members that are gone.
  private mutating func keepServices() {
    for role in status.roles.indices {
      let id = status.roles[role].id
      let hasServices = resolved(id, in: status.app)?.serviceIDs.isEmpty == false
      for member in status.roles[role].members.indices
      where hasServices && !status.roles[role].members[member].isLeaving {
        let pod = status.roles[role].members[member].pod
        let name = status.roles[role].members[member].serviceName
        let isThere =
          observed.memberServices?.contains(name) ?? (status.roles[role].members[member].service != nil)
        status.roles[role].members[member].service = name
        if !isThere || observed.outdatedServices.contains(name) {
          actions.append(.createMemberService(role: id, pod: pod))
        }
      }
      for name in leftOverServices(of: status.roles[role]) {
        actions.append(.deleteMemberService(name: name))
      }
    }
  }

  private func leftOverServices(of role: RoleStatus) -> [String] {
    (observed.memberServices ?? []).filter { isLeftOver($0, role) }.sorted()
  }

  /// Whether the service's name is that of a member that the role no longer has. Other services are left alone.
  private func isLeftOver(_ service: String, _ role: RoleStatus) -> Bool {
    guard service.hasPrefix("\(role.statefulSet)-"),
      let ordinal = Int(service.dropFirst(role.statefulSet.utf8.count + 1))
    else { return false }
    return ordinal >= role.members.count
      && service
        == DerivedNames.memberService(pod: DerivedNames.pod(statefulSet: role.statefulSet, ordinal: ordinal))
  }

  /// Whether the package is being installed in a container that Kubernetes restarted. The cluster stays `configured`,
  /// but the changes that the member must be notified of are known only after the installation.
  private var isAnySetUpAnew: Bool {
    status.roles.contains { role in
      resolved(role.id, in: status.app)?.package != nil
        && role.members.contains { member in
          guard let pod = observed.pods[member.pod], pod.isContainerReady, !pod.isBeingDeleted else {
            return false
          }
          return pod.containerID != member.detail.lastConfiguredContainer
        }
    }
  }

  /// Sets the state to `configured` while every member is configured, no notification is pending and removed roles
  /// have no members left; otherwise resets it. A suspended engine keeps removed roles, so they are ignored then.
  mutating func concludeMembers() {
    guard status.upgradeInfo == nil, !status.roles.isEmpty else { return }
    let settled = status.roles.allSatisfy { role in
      (isWanted(role.id) || isSuspended && status.state == .configured && role.staying > 0)
        && role.members.allSatisfy { $0.state == .configured && $0.detail.pendingNotifications.isEmpty }
        && observed.sets[role.id]?.replicas == role.members.count
    }
    if !settled {
      if status.state == .configured { status.state = .updating }
    } else if status.state != .configured, !isAnySetUpAnew {
      status.state = .configured
      emit(.configured(members: status.members.count))
    }
  }
}

extension RoleStatus {
  /// The number of members that are not leaving. Members that are leaving come last.
  var staying: Int { members.count { !$0.isLeaving } }
}
