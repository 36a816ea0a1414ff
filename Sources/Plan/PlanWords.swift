import Diagnostics
import KubeDirector
import Rules
import Upgrade
import Validation

/// The phrases of a plan that all text formats share.
enum PlanWords {
  /// `1 upgrade, 2 resizes, 1 waiting, 0 rejected`.
  static func summary(_ plan: Plan) -> String {
    var parts: [String] = []
    for kind in ChangeKind.allCases {
      let count = plan.clusters.count { $0.change == kind && $0.verdict == .accepted }
      if count > 0 { parts.append(counted(count, noun(kind))) }
    }
    let apps = plan.apps.count { $0.verdict == .accepted }
    if apps > 0 { parts.append(counted(apps, ("app", "apps"))) }
    func total(_ verdict: Verdict) -> Int {
      plan.clusters.count { $0.verdict == verdict } + plan.apps.count { $0.verdict == verdict }
    }
    if total(.orphaned) > 0 { parts.append("\(total(.orphaned)) orphaned") }
    parts.append("\(total(.waiting)) waiting")
    parts.append("\(total(.rejected)) rejected")
    let errors = plan.findings.count { $0.severity == .error }
    if errors > 0 { parts.append(counted(errors, ("error in files", "errors in files"))) }
    return parts.joined(separator: ", ")
  }

  static func counted(_ count: Int, _ words: (one: String, many: String)) -> String {
    "\(count) \(count == 1 ? words.one : words.many)"
  }

  private static func noun(_ kind: ChangeKind) -> (String, String) {
    switch kind {
    case .create: ("new cluster", "new clusters")
    case .delete: ("deletion", "deletions")
    case .upgrade: ("upgrade", "upgrades")
    case .rollback: ("rollback", "rollbacks")
    case .resize: ("resize", "resizes")
    case .reconfigure: ("reconfiguration", "reconfigurations")
    case .metadata: ("change of labels", "changes of labels")
    case .none: ("cluster unchanged", "clusters unchanged")
    }
  }

  /// `spark-1.0.0 (1.0.0)`; without the version if the name ends with it.
  static func app(_ version: ClusterPlan.Version) -> String {
    guard let number = version.version, !version.app.hasSuffix(number) else { return version.app }
    return "\(version.app) (\(number))"
  }

  /// `spark-1.0.0 → spark-1.1.0`, or the app alone if it does not change.
  static func way(_ cluster: ClusterPlan) -> String {
    guard let to = cluster.to else { return cluster.from.map(app) ?? "" }
    guard let from = cluster.from, from.app != to.app else { return app(to) }
    return "\(app(from)) → \(app(to))"
  }

  /// The first few changes, and the number of the others.
  static func brief(_ changes: [String]) -> String {
    let shown = changes.prefix(4).joined(separator: ", ")
    return changes.count > 4 ? "\(shown), … and \(changes.count - 4) more" : shown
  }

  /// `resize: `; empty if there is no change kind.
  static func change(_ cluster: ClusterPlan) -> String {
    cluster.change == .none ? "" : "\(cluster.change.rawValue): "
  }

  // MARK: Pods

  /// The pods that are created, deleted or replaced, in their order; empty if there is no forecast.
  static func pods(_ cluster: ClusterPlan) -> String {
    guard let forecast = cluster.forecast else { return "" }
    var parts: [String] = []
    if forecast.replaced > 0 {
      let stages = forecast.stages.map { stage in
        stage.compactMap { id in forecast.roles.first { $0.id == id } }
          .map { "\($0.id) \(ordinals($0.replaced))" }.joined(separator: " ∥ ")
      }
      parts.append((cluster.isAtMost ? "at most " : "") + stages.joined(separator: ", then "))
      if let most = forecast.maxUnavailable { parts.append("no more than \(most) at a time") }
      let untouched = forecast.roles.filter { $0.replaced.isEmpty && $0.membersAfter > 0 }.map(\.id)
      if !untouched.isEmpty { parts.append("\(untouched.joined(separator: ", ")) untouched") }
    }
    parts += forecast.roles.compactMap(size)
    if parts.isEmpty { return "no pod is replaced" }
    return parts.joined(separator: "; ")
  }

  /// `worker 3 → 5: 3 4 are created`.
  private static func size(_ role: Forecast.Role) -> String? {
    let (before, after) = (role.membersBefore, role.membersAfter)
    if before == after { return nil }
    let moved = before < after ? ordinals(Array(before..<after)) : ordinals((after..<before).reversed())
    let verb =
      abs(before - after) == 1
      ? (before < after ? "is created" : "is deleted") : before < after ? "are created" : "are deleted"
    return before == 0
      ? "\(role.id) \(moved) \(verb)" : "\(role.id) \(before) → \(after): \(moved) \(verb)"
  }

  /// `4 3 2 1 0`; for a long run without gaps only the ends, `99 … 0`.
  static func ordinals(_ numbers: [Int]) -> String {
    let isRun = zip(numbers, numbers.dropFirst()).allSatisfy { abs($0 - $1) == 1 }
    if numbers.count > 8, isRun, let first = numbers.first, let last = numbers.last {
      return "\(first) … \(last)"
    }
    return numbers.map(String.init).joined(separator: " ")
  }

  // MARK: Scripts

  /// `pod_upgraded × 4, addnodes × 4 (of worker)`; empty if no script runs.
  static func scripts(_ cluster: ClusterPlan) -> String {
    guard let forecast = cluster.forecast else { return "" }
    var order: [String] = []
    var counts: [String: Int] = [:]
    for scripts in forecast.scripts {
      let about = scripts.about.map { " (of \($0))" } ?? ""
      let key = "\(scripts.event.rawValue)\n\(about)"
      if counts[key] == nil { order.append(key) }
      counts[key, default: 0] += scripts.count
    }
    let words: String = order.map { key in
      let parts = key.split(separator: "\n", omittingEmptySubsequences: false)
      return "\(parts[0]) × \(counts[key] ?? 0)\(parts[1])"
    }.joined(separator: ", ")
    return cluster.isAtMost && !words.isEmpty ? "at most \(words)" : words
  }

  // MARK: Rollback and waiting

  /// The point until which a revert commit rolls back; empty if the change is not an upgrade.
  static func rollback(_ cluster: ClusterPlan) -> String {
    guard cluster.isRollbackPossible else { return "" }
    guard let pod = cluster.forecast?.pointOfNoReturn else { return "until it finishes" }
    return "until \(pod.role) \(pod.ordinal) begins its script; from then on no rollback is possible"
  }

  /// The reasons why a change waits, one sentence each.
  static func waits(_ cluster: ClusterPlan) -> [String] {
    guard cluster.verdict == .waiting else { return [] }
    guard let running = cluster.running else { return cluster.waits.map(\.message) }
    let kind = running.isRollingBack ? "rollback" : "upgrade"
    return ["for the \(kind) \(running.words)" + (running.stall.map { ": \($0)" } ?? ", which runs")]
  }

  /// The source and the age of the status of running clusters, and warnings about it.
  static func status(_ plan: Plan) -> [String] {
    let lines = StatusWords.age(of: plan.status, plan.statusAge)
    let none = "no status of running clusters is available, so it is unknown whether they are configured"
    return plan.status.problems.map { "warning: \($0)" } + (lines.isEmpty ? [none] : lines)
  }
}
