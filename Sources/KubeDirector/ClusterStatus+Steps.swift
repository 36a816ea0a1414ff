// How long the steps of an upgrade take, by which deadlines are judged; and what stops that clock.

extension Condition {
  /// The reason of `Progressing` for an engine that somebody has told to stop.
  public static let suspended = "Suspended"
  /// The reason of `Progressing` for a cluster at rest whose last change waits for something beside it.
  public static let waitingForConnections = "WaitingForConnections"
  /// The reason of `Stalled` for a cluster whose app is not there.
  public static let appMissing = "AppMissing"
  /// The reason of `Stalled` for a cluster that is to go back to an app to which no way leads any more.
  public static let noWayBack = "NoWayBack"
}

extension ClusterStatus {
  /// Whether somebody has told the engine to stop before its next step.
  public var isSuspended: Bool { condition(.progressing)?.reason == Condition.suspended }

  /// Why the last change of a cluster at rest is not done, where it waits for something beside the cluster.
  public var wait: String? {
    condition(.progressing).flatMap { $0.reason == Condition.waitingForConnections ? $0.message : nil }
  }

  /// Whether that change is the one that made this generation of the spec, and no earlier one.
  public func waits(at generation: Int) -> Bool {
    wait != nil && condition(.progressing)?.observedGeneration == generation
  }

  /// Since when a pod that the upgrade has in hand has not got on, in whole seconds since 1970; nil for any other.
  public func stepSince(of member: MemberStatus, in role: RoleStatus) -> Int? {
    guard let info = upgradeInfo, let ledger = member.upgrade, ledger.id == info.id, !ledger.done else {
      return nil
    }
    return max(ledger.since, role.progressedAt ?? 0)
  }

  /// Since when the steps of the upgrade have not got on: of each pod in hand, or where there is none of the upgrade
  /// as a whole, in whole seconds since 1970. Empty where none runs.
  public var stepsSince: [Int] {
    guard upgradeInfo != nil else { return [] }
    let inHand = roles.flatMap { role in role.members.compactMap { stepSince(of: $0, in: role) } }
    return inHand.isEmpty ? roles.compactMap(\.progressedAt).max().map { [$0] } ?? [] : inHand
  }
}
