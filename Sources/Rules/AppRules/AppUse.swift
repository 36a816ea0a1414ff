import Diagnostics
import KubeDirector
import Values

/// The rule `app/in-use`.
enum AppInUse: AppChangeRule {
  static let description = RuleDescription(
    "app/in-use", .error, .both, summary: "an app that a cluster uses is neither deleted nor changed",
    rationale: """
      A replaced pod is created from the app again, so a changed app would change running clusters without \
      notice, one pod at a time. There is one exception: `upgradable` may be set if it was absent. A \
      deletion that only a running upgrade or rollback prevents waits until that ends, because a revert \
      commit deletes the app that it leaves.
      """,
    passing: [
      .change("an app that no cluster uses", .candidate("spark:1.1.0", "spark:1.1.1")),
      .change("the same meaning, written differently", .current(#""ui", "master""#, #""master", "ui""#)),
      .change(
        "`upgradable` is set", from: [.current(#", "upgradable": true"#, "")],
        .current(#""version": "1.0.0""#, #""version": "1.0.0", "upgradable": true"#)),
    ],
    failing: [
      .change("another image under the same name", .current("spark:1.0.0", "spark:1.0.1")),
      .change("deleted while cluster prod/analytics uses it", .remove(Fixture.currentPath)),
      .change(
        "deleted in the same commit as the upgrade from it: it waits",
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"), .remove(Fixture.currentPath), live: .configured),
    ])

  static func check(_ change: AppChange, in context: RuleContext) -> [Violation] {
    let name = "app \(change.reference.name)"
    let breaches = change.differences.filter { $0.subject != .upgradable }
    if change.new != nil, breaches.isEmpty { return [] }
    let users = settledUsers(of: change, in: context)
    if !users.isEmpty {
      let clusters = Hint.list(users.map(\.description))
      guard change.new != nil else {
        return [
          Violation(
            ["metadata", "name"], of: .old, "\(name) is used by cluster \(clusters) and cannot be deleted",
            hint: "upgrade those clusters to another app first, or keep the file")
        ]
      }
      return breaches.map {
        Violation(
          $0.difference.newPath,
          "\(name) is used by cluster \(clusters), so \($0.difference.name) cannot change \($0.difference.inWords)",
          hint: "leave this app as it is and publish the change as a new app with a newer version")
      }
    }
    return live(change, name: name, breaches: breaches, in: context)
  }

  /// The clusters that named the app before this change and still name it.
  private static func settledUsers(of change: AppChange, in context: RuleContext) -> [ObjectReference] {
    context.users(of: change.reference).filter { cluster in
      change.new == nil || context.base?.names(change.reference.name, by: cluster) == true
    }
  }

  /// Whether a running cluster will stop using the app that it runs: its upgrade or rollback is in progress, or the
  /// head contains its file, which names another app.
  fileprivate static func passes(_ cluster: ObjectReference, in context: RuleContext) -> Bool {
    context.live.cluster(cluster)?.status?.upgradeInfo != nil || context.head.holds(cluster)
  }

  /// The violations by running clusters that the files do not name, or that the files give another app.
  private static func live(
    _ change: AppChange, name: String, breaches: [AppDifference], in context: RuleContext
  ) -> [Violation] {
    let running = context.live.users(of: change.reference, systemNamespace: context.systemNamespace)
    guard let first = running.first else { return [] }
    let doing = change.new == nil ? "be deleted" : "change"
    let needed = running.first { passes($0, in: context) }
    let waits = change.new == nil || !context.live.isAuthoritative || needed != nil
    return [
      Violation(
        change.new == nil ? ["metadata", "name"] : breaches.first?.difference.newPath ?? ["spec"],
        of: change.new == nil ? .old : .new, severity: waits ? .waiting : .error,
        "\(name) is still needed by the running cluster \(needed ?? first) and cannot \(doing) yet",
        hint: waits
          ? "nothing to do: it is applied when no cluster runs the app any more"
          : "publish the change as a new app with a newer version")
    ]
  }
}

/// The rule `app/upgradable-sealed`.
enum AppUpgradableSealed: AppChangeRule {
  static let description = RuleDescription(
    "app/upgradable-sealed", .error, .both,
    summary: "once set, `upgradable` changes only while no cluster uses the app",
    rationale: """
      Users create a cluster knowing whether it can be upgraded live; `false` promises that it will not be. \
      A change that only a running upgrade or rollback prevents waits until that ends.
      """,
    passing: [.change("no cluster uses it", .candidate(#""upgradable": true"#, #""upgradable": false"#))],
    failing: [
      .change("set to false while in use", .current(#""upgradable": true"#, #""upgradable": false"#)),
      .change("removed while in use", .current(#", "upgradable": true"#, "")),
      .change(
        "set to false during an upgrade from the app: it waits",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .current(#""upgradable": true"#, #""upgradable": false"#), live: .upgrading),
    ])

  static func check(_ change: AppChange, in context: RuleContext) -> [Violation] {
    guard let new = change.new, let was = change.old.spec.upgradable,
      let difference = change.differences.first(where: { $0.subject == .upgradable })?.difference
    else { return [] }
    let users = context.users(of: change.reference)
    let running = context.live.users(of: change.reference, systemNamespace: context.systemNamespace)
    guard let first = (users + running).first else { return [] }
    // If no cluster in git names the app, running clusters release it when their upgrade or other operation has ended.
    let isLeft =
      users.isEmpty
      && (!context.live.isAuthoritative || running.contains { AppInUse.passes($0, in: context) })
    return [
      Violation(
        difference.newPath, severity: isLeft ? .waiting : nil,
        "app \(change.reference.name) has upgradable: \(was) while cluster \(first) uses it, so it cannot change to "
          + "\(new.spec.upgradable.map { "\($0)" } ?? "absent") now",
        hint: isLeft
          ? "nothing to do: it is applied when no cluster runs the app any more"
          : "restore `\"upgradable\": \(was)`, or change it when no cluster uses the app")
    ]
  }
}
