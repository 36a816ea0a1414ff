import KubeDirector

// Since when nothing has got on, by which a deadline is judged.
extension ClusterMachine {
  /// The deadline of a step, in seconds; nil for none. A suspension stops the clock.
  var deadline: Int? { isSuspended ? nil : observed.settings.progressDeadline }

  /// Notes in which roles the upgrade got on by this step. What goes on after a suspension begins to count anew.
  mutating func keepProgress() {
    let wasSuspended = observed.status?.isSuspended == true
    for role in status.roles.indices {
      guard status.upgradeInfo != nil, status.roles[role].upgradeStatus != nil else {
        status.roles[role].progressedAt = nil
        continue
      }
      let before = observed.status?.role(status.roles[role].id)
      let isResumed = wasSuspended && !isSuspended
      if isResumed || before?.progressedAt == nil || before?.steps != status.roles[role].steps {
        status.roles[role].progressedAt = observed.now
      }
    }
  }

  /// Asks to be woken when a step outlives its deadline.
  mutating func watchDeadlines() {
    guard let deadline else { return }
    let waits = status.stepsSince.map { $0 + deadline - observed.now }.filter { $0 > 0 }
    if let first = waits.min() { actions.append(.wake(after: first)) }
  }
}

extension RoleStatus {
  /// What changes in a role when its upgrade gets on.
  fileprivate struct Step: Hashable {
    var status: MemberStatus.PodUpgradeStatus?
    var ledger: MemberStatus.Ledger?
    var owed: [Notification]
  }

  fileprivate var steps: [Step] {
    members.map {
      Step(status: $0.podUpgradeStatus, ledger: $0.upgrade, owed: $0.detail.pendingNotifications)
    }
  }
}
