import Diagnostics
import KubeDirector
import Values

/// `upgrade/configured`
enum UpgradeConfigured: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/configured", .waiting, .live, summary: "an upgrade begins when the cluster is `configured`",
    rationale: "Members that are still being made, or are on their way out, are not fit to be replaced.",
    passing: [.change("at rest", .cluster("app: spark-1.0.0", "app: spark-1.1.0"), live: .configured)],
    failing: [
      .change("while it is created", .cluster("app: spark-1.0.0", "app: spark-1.1.0"), live: .creating)
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard upgrade.kind == .upgrade, upgrade.live?.status?.upgradeInfo == nil else { return [] }
    return upgrade.waiting()
  }
}

/// `rollback/only-prev-app`
enum RollbackOnlyPrevApp: RollbackRule {
  static let description = RuleDescription(
    "rollback/only-prev-app", .waiting, .live,
    summary: "while an upgrade runs, `spec.app` changes only back to the app that it came from",
    rationale: """
      A third app has to wait until the cluster is configured. Behind a stalled upgrade that may be for ever, so the \
      way out is said: put the old app back first.
      """,
    passing: [
      .change(
        "a revert", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"), live: .upgrading)
    ],
    failing: [
      .change(
        "a third app", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.2.0"), .add("apps/spark-1.2.0.json", Fixture.third),
        live: .upgrading),
      .change(
        "a third app behind a stalled upgrade", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.2.0"), .add("apps/spark-1.2.0.json", Fixture.third),
        live: .stalled),
    ])

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard rollback.kind == .upgrade, let running = rollback.live?.status?.upgradeInfo, !running.isRollingBack
    else {
      return []
    }
    return rollback.waiting()
  }
}

/// `rollback/once`
enum RollbackOnce: RollbackRule {
  static let description = RuleDescription(
    "rollback/once", .waiting, .live, summary: "while a rollback runs, `spec.app` does not change",
    rationale: "A rollback is not rolled back; whatever comes next waits until it has ended.",
    passing: [
      .change(
        "the spec stays", .cluster("name: analytics", "name: analytics\n  labels: {seen: \"true\"}"),
        live: .rollingBack)
    ],
    failing: [
      .change("the upgrade once more", .cluster("app: spark-1.0.0", "app: spark-1.1.0"), live: .rollingBack)
    ])

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    rollback.live?.status?.upgradeInfo?.isRollingBack == true ? rollback.waiting() : []
  }
}

/// `rollback/only-app`
enum RollbackOnlyApp: RollbackRule {
  static let description = RuleDescription(
    "rollback/only-app", summary: "in the step that rolls back nothing else in the spec changes",
    rationale:
      "A rollback leads to what was there before; with another change in it, it would lead somewhere new.",
    passing: [
      .change(
        "a revert", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"), live: .upgrading)
    ],
    failing: [
      .change(
        "fewer members in the same step", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0", also: ["members: 3": "members: 1"]), live: .upgrading
      )
    ])

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    rollback.kind == .rollback ? OnlyApp.violations(of: rollback, step: "a rollback") : []
  }
}

extension UpgradeChange {
  /// The two apps, where this is an upgrade and both are known.
  var pair: (current: App, candidate: App)? {
    guard kind == .upgrade, let current, let candidate else { return nil }
    return (current, candidate)
  }

  fileprivate func waiting() -> [Violation] {
    guard let live, let reason = live.reasonToWait(beside: old.spec.app) else { return [] }
    return [
      Violation(["spec", "app"], "cluster \(reference) \(reason)", hint: live.wayOut(path: new.source?.path))
    ]
  }
}
