import Diagnostics
import KubeDirector
import Values

/// The rule `upgrade/only-app`.
enum UpgradeOnlyApp: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/only-app", summary: "an upgrade changes only `spec.app` in the spec",
    rationale: """
      While pods are replaced one by one, it would be unknown which of two changes caused a failure, and a \
      rollback would have to undo both. Labels and annotations of the object may change. Absent `members` \
      mean the app's minimum; if the minimums of the two apps differ, leaving `members` out is a change too.
      """,
    passing: [
      .change(
        "an annotation changes too",
        .cluster(
          "app: spark-1.0.0", "app: spark-1.1.0",
          also: ["name: analytics": "name: analytics\n  annotations: {why: ticket-12}"]))
    ],
    failing: [
      .change(
        "more members at the same time",
        .cluster("app: spark-1.0.0", "app: spark-1.1.0", also: ["members: 3": "members: 5"]))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    upgrade.kind == .upgrade ? OnlyApp.violations(of: upgrade, step: "an upgrade") : []
  }
}

/// The shared check of `upgrade/only-app` and `rollback/only-app`.
enum OnlyApp {
  static func violations(of change: UpgradeChange, step: String) -> [Violation] {
    change.differences.compactMap { difference in
      if isCardinalityAlone(difference, of: change) { return nil }
      return Violation(
        difference.newPath,
        "\(difference.name) of cluster \(change.reference) changes \(difference.inWords) together with spec.app",
        hint: "put \(step) in a commit of its own; change the rest when the cluster is configured")
    }
  }

  /// `upgrade/cardinality` reports members that are absent in both specs and do not fit the candidate.
  private static func isCardinalityAlone(_ difference: Difference, of change: UpgradeChange) -> Bool {
    let steps = difference.newPath.steps
    guard steps.count == 4, steps[3] == .key("members"), case .index(let index) = steps[2],
      change.new.spec.roles.indices.contains(index)
    else { return false }
    let role = change.new.spec.roles[index]
    guard role.members == nil, change.old.spec.role(role.id)?.members == nil,
      let had = difference.old?.integer,
      let cardinality = change.candidate?.spec.role(role.id).flatMap({ Cardinality($0.cardinality) })
    else { return false }
    return !cardinality.allows(had)
  }
}

/// The rule `upgrade/registered`.
enum UpgradeRegistered: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/registered", summary: "the target app of an upgrade is registered",
    rationale: """
      The app may be added in the same commit. An app that is itself rejected does not count, because it \
      will not be applied.
      """,
    passing: [.change("registered before", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change("a typing error in the name", .cluster("app: spark-1.0.0", "app: spark-1.1.O"))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard let candidate = upgrade.candidate else { return [Missing.app(of: upgrade.new, in: context)] }
    return upgrade.kind == .upgrade ? Missing.waiting(candidate, for: upgrade.reference, in: context) : []
  }
}

/// The rule `upgrade/upgradable`.
enum UpgradeUpgradable: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/upgradable", summary: "the app that the cluster runs has `upgradable: true`",
    rationale: """
      Only the app's maintainer knows whether its data and members work with a mixture of versions. If the \
      field is absent, the maintainer has not decided yet. `false` seals the app: the clusters that run it \
      stay on it.
      """,
    passing: [.change("`upgradable` is true", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change(
        "`upgradable` is absent", from: [.current(#", "upgradable": true"#, "")],
        .cluster("app: spark-1.0.0", "app: spark-1.1.0")),
      .change(
        "`upgradable` is false", from: [.current(#""upgradable": true"#, #""upgradable": false"#)],
        .cluster("app: spark-1.0.0", "app: spark-1.1.0")),
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard upgrade.kind == .upgrade else { return [] }
    let name = upgrade.old.spec.app
    guard let current = upgrade.current else {
      return [
        Violation(
          ["spec", "app"],
          "app \(name), which cluster \(upgrade.reference) runs, is not registered, so it is unknown whether it may be upgraded",
          hint: "restore the file of app \(name)")
      ]
    }
    switch current.spec.upgradable {
    case true?: return []
    case false?:
      return [
        Violation(
          ["spec", "app"],
          "app \(current.metadata.name), which cluster \(upgrade.reference) runs, is sealed: upgradable is false",
          hint: "create a new cluster with app \(upgrade.new.spec.app) and move the data to it")
      ]
    case nil:
      return [
        Violation(
          ["spec", "app"],
          "app \(current.metadata.name), which cluster \(upgrade.reference) runs, does not have upgradable: true",
          hint:
            "add `\"upgradable\": true` to app \(current.metadata.name), if its maintainer agrees; that is allowed while clusters use it"
        )
      ]
    }
  }
}

/// The rule `upgrade/distro`.
enum UpgradeDistro: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/distro", summary: "the two apps have the same `distroID`",
    rationale:
      "`distroID` shows that two apps are versions of one application; their `metadata.name` must differ.",
    passing: [.change("the same distribution", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change(
        "another distribution", .cluster("app: spark-1.0.0", "app: spark-1.1.0"),
        .candidate("example/spark\"", "example/spark-pro\""))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard let (current, candidate) = upgrade.pair, current.spec.distroID != candidate.spec.distroID else {
      return []
    }
    return [
      Violation(
        ["spec", "app"],
        "app \(candidate.metadata.name) has the distroID \(candidate.spec.distroID), and cluster \(upgrade.reference) runs \(current.spec.distroID)",
        hint: "upgrade to a version of \(current.spec.distroID), or create a new cluster")
    ]
  }
}

/// The rule `upgrade/semver`.
enum UpgradeSemver: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/semver", summary: "the versions of both apps follow Semantic Versioning 2.0.0",
    rationale: "Otherwise it cannot be decided which of them is newer.",
    passing: [.change("both versions are valid", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change(
        "the target app's version is not valid",
        from: [.candidate(#""version": "1.1.0", "upgradable": true"#, #""version": "1.1""#)],
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard let (current, candidate) = upgrade.pair else { return [] }
    return [current, candidate].compactMap { app in
      if SemanticVersion(app.spec.version) != nil { return nil }
      return Violation(
        ["spec", "app"],
        "version \"\(app.spec.version)\" of app \(app.metadata.name) is not a semantic version, so it cannot be decided which is newer",
        hint: SemverAdvice.hint(for: app.spec.version))
    }
  }
}

/// The rule `upgrade/newer`.
enum UpgradeNewer: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/newer", summary: "the target app's version is newer than the version that the cluster runs",
    rationale: """
      Versions are compared by SemVer precedence: pre-releases count, build metadata does not. Data that a \
      newer version has changed may be lost on an older one, so a finished upgrade cannot be rolled back. If \
      no status shows whether the upgrade has finished, a change to the app that the cluster had just before \
      is only a warning, because a hook must never block an emergency revert.
      """,
    passing: [.change("1.0.0 to 1.1.0", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change(
        "a downgrade", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0")),
      .change(
        "only the build metadata differs", .cluster("app: spark-1.0.0", "app: spark-1.1.0"),
        .candidate(#""version": "1.1.0""#, #""version": "1.0.0+2""#)),
      .change(
        "a revert in a hook without a status: a warning",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("app: spark-1.1.0", "app: spark-1.0.0"),
        history: "spark-1.0.0"),
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard upgrade.kind == .upgrade || upgrade.isByHistory, let current = upgrade.current,
      let candidate = upgrade.candidate, let running = SemanticVersion(current.spec.version),
      let wanted = SemanticVersion(candidate.spec.version), wanted <= running
    else { return [] }
    if upgrade.isByHistory {
      return [
        Violation(
          ["spec", "app"], severity: .warning,
          "cluster \(upgrade.reference) returns from \(current.metadata.name) to \(candidate.metadata.name): this is a rollback while the upgrade runs, and is rejected once it has finished",
          hint: "check with `kdops status \(upgrade.reference)` whether the upgrade still runs")
      ]
    }
    return [
      Violation(
        ["spec", "app"],
        "version \(wanted) is not newer than \(running), which cluster \(upgrade.reference) runs",
        hint:
          "publish the image under a version above \(running); a rollback is possible only while an upgrade runs"
      )
    ]
  }
}
