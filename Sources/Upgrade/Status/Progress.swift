import KubeDirector

// Progress tracking: the time of the last progress, which deadlines are measured from.
extension ClusterMachine {
  /// The deadline of a step, in seconds; nil for none. A suspension stops the clock.
  var deadline: Int? { isSuspended ? nil : observed.settings.progressDeadline }

  /// Records in which roles the upgrade made progress in this step. After a suspension the time starts again.
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

  /// Requests a wake-up for when a step exceeds its deadline.
  mutating func watchDeadlines() {
    guard let deadline else { return }
    let waits = status.stepsSince.map { $0 + deadline - observed.now }.filter { $0 > 0 }
    if let first = waits.min() { actions.append(.wake(after: first)) }
  }
}

extension RoleStatus {
  /// The values of a member that change when its role's upgrade makes progress.
  fileprivate struct Step: Hashable {
    var status: MemberStatus.PodUpgradeStatus?
    var ledger: MemberStatus.Ledger?
    var pending: [Notification]
  }

  fileprivate var steps: [Step] {
    members.map {
      Step(status: $0.podUpgradeStatus, ledger: $0.upgrade, pending: $0.detail.pendingNotifications)
    }
  }
}
