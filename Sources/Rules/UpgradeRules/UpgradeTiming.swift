import Diagnostics
import KubeDirector
import Values

/// The rule `upgrade/configured`.
enum UpgradeConfigured: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/configured", .waiting, .live, summary: "an upgrade begins when the cluster is `configured`",
    rationale: "Members that are still being created or deleted cannot be replaced.",
    passing: [.change("configured", .cluster("app: spark-1.0.0", "app: spark-1.1.0"), live: .configured)],
    failing: [
      .change(
        "while the cluster is created", .cluster("app: spark-1.0.0", "app: spark-1.1.0"), live: .creating)
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard upgrade.kind == .upgrade, upgrade.live?.status?.upgradeInfo == nil else { return [] }
    return upgrade.waiting(in: context)
  }
}

/// The rule `rollback/only-prev-app`.
enum RollbackOnlyPrevApp: RollbackRule {
  static let description = RuleDescription(
    "rollback/only-prev-app", .waiting, .live,
    summary: "while an upgrade runs, `spec.app` can only return to the previous app",
    rationale: """
      A third app has to wait until the cluster is configured. If the upgrade is stalled, that may take \
      forever, so the finding names the remediation: restore the old app first.
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
        "a third app after an upgrade that has stalled past its point of no return",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0"), RollbackPointOfNoReturn.atWorker],
        .cluster("app: spark-1.1.0", "app: spark-1.2.0"), .add("apps/spark-1.2.0.json", Fixture.third),
        live: .stalledLate),
      .change(
        "a third app after a stalled upgrade", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.2.0"), .add("apps/spark-1.2.0.json", Fixture.third),
        live: .stalled),
    ])

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard rollback.kind == .upgrade, let running = rollback.live?.status?.upgradeInfo, !running.isRollingBack
    else {
      return []
    }
    return rollback.waiting(in: context)
  }
}

/// The rule `rollback/once`.
enum RollbackOnce: RollbackRule {
  static let description = RuleDescription(
    "rollback/once", .waiting, .live, summary: "while a rollback runs, `spec.app` does not change",
    rationale: "A rollback cannot be rolled back; any later change waits until it has ended.",
    passing: [
      .change(
        "the spec does not change",
        .cluster("name: analytics", "name: analytics\n  labels: {seen: \"true\"}"),
        live: .rollingBack)
    ],
    failing: [
      .change("the same upgrade again", .cluster("app: spark-1.0.0", "app: spark-1.1.0"), live: .rollingBack)
    ])

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    rollback.live?.status?.upgradeInfo?.isRollingBack == true ? rollback.waiting(in: context) : []
  }
}

/// The rule `rollback/point-of-no-return`.
enum RollbackPointOfNoReturn: RollbackRule {
  static let description = RuleDescription(
    "rollback/point-of-no-return", .error, .live,
    summary: "an upgrade is not rolled back past the point of no return of its target app",
    rationale: """
      With the annotation `kdops.dev/point-of-no-return`, an app names roles whose scripts make changes that \
      its older version would not understand, such as a new data format. Once a pod of one of these roles \
      has the new package, the engine does not roll back, neither during the upgrade nor at its end: only a \
      new commit can fix a failure. If only the status tree shows this, the change waits.
      """,
    passing: [
      .change(
        "a revert before any pod of the role has the new package",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0"), atWorker],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"), live: .upgrading)
    ],
    failing: [
      .change(
        "a revert past the point of no return",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0"), atWorker],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"), live: .late),
      .change(
        "the revert of an upgrade that has stalled past its point of no return",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0"), atWorker],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"), live: .stalledLate),
    ])

  /// An edit that gives the candidate a point of no return.
  static var atWorker: Edit {
    .candidate(
      #""namespace": "prod"}"#,
      #""namespace": "prod", "annotations": {"kdops.dev/point-of-no-return": "worker"}}"#)
  }

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    let roles = context.rolesWithoutReturn(of: rollback.reference, rollback.live)
    guard rollback.kind == .rollback, let live = rollback.live, let app = live.status?.app, !roles.isEmpty
    else { return [] }
    let words = (roles.count == 1 ? "role " : "roles ") + roles.joined(separator: ", ")
    return [
      Violation(
        ["spec", "app"], severity: context.live.isAuthoritative ? nil : .waiting,
        "cluster \(rollback.reference) is past the point of no return of \(app): "
          + "its \(words) may have data that \(rollback.new.spec.app) does not understand",
        hint: "name \(app) in the file again; "
          + (live.isStalled
            ? "to end the stalled upgrade, " + live.remedy(path: nil, noWayBack: true)
            : "the upgrade continues to its end; to return to the old image then, publish it under a newer version")
      )
    ]
  }
}

/// The rule `rollback/only-app`.
enum RollbackOnlyApp: RollbackRule {
  static let description = RuleDescription(
    "rollback/only-app", summary: "a rollback changes only `spec.app` in the spec",
    rationale: "A rollback restores the previous state; with another change it would lead to a new state.",
    passing: [
      .change(
        "a revert", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"), live: .upgrading)
    ],
    failing: [
      .change(
        "fewer members at the same time", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0", also: ["members: 3": "members: 1"]), live: .upgrading
      )
    ])

  static func check(_ rollback: UpgradeChange, in context: RuleContext) -> [Violation] {
    rollback.kind == .rollback ? OnlyApp.violations(of: rollback, step: "a rollback") : []
  }
}

extension UpgradeChange {
  /// The two apps, if this is an upgrade and both are known.
  var pair: (current: App, candidate: App)? {
    guard kind == .upgrade, let current, let candidate else { return nil }
    return (current, candidate)
  }

  fileprivate func waiting(in context: RuleContext) -> [Violation] {
    let noWayBack = !context.rolesWithoutReturn(of: reference, live).isEmpty
    guard let live, let reason = live.reasonToWait(beside: old.spec.app, noWayBack: noWayBack) else {
      return []
    }
    return [
      Violation(
        ["spec", "app"], "cluster \(reference) \(reason)",
        hint: live.remedy(path: new.source?.path, noWayBack: noWayBack))
    ]
  }
}
