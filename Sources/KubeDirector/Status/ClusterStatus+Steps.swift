// The duration of an upgrade's steps, which deadlines are compared with, and the reasons that stop this clock.

extension ClusterStatus {
  /// Whether a user has suspended the engine before its next step.
  public var isSuspended: Bool { condition(.progressing)?.reason == .suspended }

  /// Why the last change of an idle cluster is not done, if it waits for something outside the cluster.
  public var wait: String? {
    condition(.progressing).flatMap { $0.reason == .waitingForConnections ? $0.message : nil }
  }

  /// Whether the waiting change is the one that made this generation of the spec, not an earlier one.
  public func waits(at generation: Int) -> Bool {
    wait != nil && condition(.progressing)?.observedGeneration == generation
  }

  /// The time since which a pod that is being upgraded has made no progress, in whole seconds since 1970; nil for
  /// other pods.
  public func stepSince(of member: MemberStatus, in role: RoleStatus) -> Int? {
    guard let info = upgradeInfo, let ledger = member.upgrade, ledger.id == info.id, !ledger.done else {
      return nil
    }
    return max(ledger.since, role.progressedAt ?? 0)
  }

  /// The times since which the upgrade's steps have made no progress, in whole seconds since 1970.
  ///
  /// One for each pod that is being upgraded, or one for the whole upgrade if there is no such pod. Empty if no
  /// upgrade runs.
  public var stepsSince: [Int] {
    guard upgradeInfo != nil else { return [] }
    let inHand = roles.flatMap { role in role.members.compactMap { stepSince(of: $0, in: role) } }
    return inHand.isEmpty ? roles.compactMap(\.progressedAt).max().map { [$0] } ?? [] : inHand
  }
}
