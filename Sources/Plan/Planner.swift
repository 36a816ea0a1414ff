import Diagnostics
import KubeDirector
import Reports
import Rules
import Upgrade
import Validation
import Values

/// Computes a plan from a judgement.
public struct Planner {
  /// The judgement and the known status of running clusters. Notes show the progress of upgrades.
  public struct Input: Sendable {
    var report: Report
    var judgement: Judgement
    var base: Snapshot?
    var head: Snapshot
    var live: LiveView
    var statusAge: Int?
    /// Returns the app that a cluster had before the one at the base.
    var history: @Sendable (ObjectReference) -> String?
    /// The available notes, by commit.
    var notes: [String: CommitReport]

    /// - Parameter history: Returns the app that a cluster had before the one at the base.
    public init(
      report: Report, judgement: Judgement, base: Snapshot?, head: Snapshot, live: LiveView = .none,
      statusAge: Int? = nil, history: @escaping @Sendable (ObjectReference) -> String? = { _ in nil },
      notes: [String: CommitReport] = [:]
    ) {
      (self.report, self.judgement, self.base, self.head) = (report, judgement, base, head)
      (self.live, self.statusAge, self.history, self.notes) = (live, statusAge, history, notes)
    }
  }

  private let input: Input
  private var known: [Question: Forecast] = [:]
  /// The remaining effort.
  private var effort: Int

  /// The inputs of a forecast. Clusters with equal inputs have the same forecast.
  private struct Question: Hashable {
    /// The namespaces in which its apps were found.
    var apps: [String]
    var old: ClusterSpec?
    var new: ClusterSpec
    /// The values of the annotations that the engine reads.
    var asked: [String?]
    var extent: Forecast.Extent?
  }

  /// Computes the plan; the same input gives the same plan.
  ///
  /// - Parameter effort: The limit for simulating changes, in squares of members. The time for one cluster
  ///   grows with the square of its members, and a change may name thousands of clusters that all differ.
  public static func plan(_ input: Input, effort: Int = standardEffort) -> Plan {
    var planner = Planner(input: input, effort: effort)
    return planner.run()
  }

  /// Enough for four clusters of maximum size, or a thousand with fifty members: a few seconds.
  public static let standardEffort = 4 * ClusterSpec.memberLimit * ClusterSpec.memberLimit

  private init(input: Input, effort: Int) {
    self.input = input
    self.effort = effort
  }

  /// The commits of the upgrades and rollbacks that the plan will mention.
  static func commitsUnderWay(_ input: Input) -> Set<String> {
    Set(
      input.report.objects.compactMap { verdict in
        guard verdict.verdict != .unchanged,
          let status = input.live.cluster(verdict.object)?.status, status.upgradeInfo != nil
        else { return nil }
        return status.specCommit
      })
  }

  private mutating func run() -> Plan {
    var plan = Plan(
      base: input.report.base ?? "", head: input.report.head, status: input.report.status,
      statusAge: input.statusAge, notJudged: input.report.notJudged)
    var findings: [ObjectReference: [Diagnostic]] = [:]
    for finding in input.report.findings.inReportOrder() {
      if let object = finding.object { findings[object, default: []].append(finding) }
    }
    let asked = Set(input.report.objects.map(\.object))
    for verdict in input.judgement.objects where asked.contains(verdict.reference) {
      let own = findings.removeValue(forKey: verdict.reference) ?? []
      guard verdict.verdict != .unchanged || !own.isEmpty else { continue }
      if verdict.reference.kind == Wire.appKind {
        plan.apps.append(app(verdict, own))
      } else {
        plan.clusters.append(cluster(verdict, own))
      }
    }
    plan.findings = (input.report.findings.filter { $0.object == nil } + findings.values.joined())
      .inReportOrder()
    return plan
  }

  // MARK: Apps

  private func app(_ verdict: ObjectVerdict, _ findings: [Diagnostic]) -> AppPlan {
    let (old, new) = (input.base?.app(verdict.reference), input.head.app(verdict.reference))
    var plan = AppPlan(
      reference: verdict.reference, change: verdict.change, verdict: verdict.verdict,
      version: (new ?? old)?.spec.version, findings: findings)
    if let old, let new {
      plan.changes = AppDifference.between(old.spec, new.spec).map(\.difference.words)
    }
    return plan
  }

  // MARK: Clusters

  private mutating func cluster(_ verdict: ObjectVerdict, _ findings: [Diagnostic]) -> ClusterPlan {
    var plan = ClusterPlan(
      reference: verdict.reference, change: verdict.change, verdict: verdict.verdict, findings: findings)
    guard let move = input.judgement.transitions[verdict.reference] else {
      return gone(plan)
    }
    plan.from = move.old.map { version($0.spec.app, move.oldApp) }
    plan.to = version(move.new.spec.app, move.newApp)
    plan.changes = move.differences.map(\.words)
    plan.running = running(verdict.reference)
    explain(move, &plan)
    guard verdict.verdict == .accepted || verdict.verdict == .waiting else { return plan }
    forecast(move, &plan)
    return plan
  }

  private func version(_ name: String, _ app: App?) -> ClusterPlan.Version {
    ClusterPlan.Version(app: name, version: app?.spec.version)
  }

  /// A cluster whose file is deleted or cannot be judged.
  private func gone(_ plan: ClusterPlan) -> ClusterPlan {
    var plan = plan
    guard plan.change == .delete else {
      if plan.change == .none {
        plan.remarks.append("its file cannot be read completely, so the cluster is not changed")
      }
      return plan
    }
    if let old = input.base?.cluster(plan.reference) {
      plan.from = ClusterPlan.Version(app: old.spec.app, version: nil)
    }
    plan.running = running(plan.reference)
    let isAsked =
      input.base?.cluster(plan.reference)?.metadata.annotations[Wire.Annotation.deleteVolumes] == "true"
    plan.remarks.append(
      "its file was removed: the cluster is kept running and reported, unless the daemon is configured to prune; "
        + (isAsked
          ? "then its volumes are deleted too, as its file requests with \(Wire.Annotation.deleteVolumes)"
          : "its volumes are kept in both cases, because its file does not request their deletion"))
    return plan
  }

  /// Adds remarks that explain a change back to an earlier app, and the data that this relies on.
  private func explain(_ move: ClusterTransition, _ plan: inout ClusterPlan) {
    let target = move.new.spec.app
    if plan.change == .create, move.new.metadata.annotations[Wire.Annotation.adopt] == "true" {
      plan.remarks.append(
        "adopts a running cluster of this name, if there is one that no installation owns: as it is, without a "
          + "restart of its pods; kdops diff shows what is written")
    }
    if plan.change == .rollback, move.isByHistory {
      plan.remarks.append(
        "a rollback while the upgrade to \(move.old?.spec.app ?? "") still runs; once that has finished it is a "
          + "downgrade, which is rejected (by the file's history in git; without a status it is unknown whether it still runs)"
      )
    } else if plan.change == .rollback, let running = plan.running {
      plan.remarks.append("the rollback of the upgrade \(running.words), \(basis)")
    } else if plan.change == .rollback {
      plan.remarks.append("cancels an upgrade that has not begun; no pod is changed (\(basis))")
    } else if findings(plan, have: "upgrade/newer"), input.history(plan.reference) == target {
      let state = input.live.cluster(plan.reference)?.status
      plan.remarks.append(
        state == nil
          ? "a downgrade, which is rejected, because a rollback is possible only while the upgrade runs "
            + "(by the file's history in git)"
          : "a downgrade, which is rejected: the upgrade to \(move.old?.spec.app ?? "") has finished, and a "
            + "rollback is possible only while it runs (\(basis))")
    }
  }

  private func findings(_ plan: ClusterPlan, have rule: String) -> Bool {
    plan.findings.contains { $0.rule == rule && $0.severity == .error }
  }

  private var basis: String {
    switch input.live.source {
    case .cluster: "by the cluster's status"
    case .tree(_, let age): "by the status of \(SecondsText.rough(age)) ago"
    case .none: "no status available"
    }
  }

  /// The running upgrade in the status, with the progress from the note on its commit.
  private func running(_ reference: ObjectReference) -> RunningUpgrade? {
    guard let status = input.live.cluster(reference)?.status, let info = status.upgradeInfo else {
      return nil
    }
    let reported = status.specCommit.flatMap { input.notes[$0] }?.objects.first { $0.reference == reference }?
      .upgrade
    let isSame = reported?.toApp == status.app && reported?.isRollingBack == info.isRollingBack
    return RunningUpgrade(
      fromApp: info.prevApp, toApp: status.app, isRollingBack: info.isRollingBack, commit: status.specCommit,
      progress: isSame ? reported?.roles : nil, stall: status.stall?.message)
  }

  // MARK: Forecast

  private mutating func forecast(_ move: ClusterTransition, _ plan: inout ClusterPlan) {
    let apps = [move.oldApp, move.newApp].compactMap(\.self)
    guard move.newApp != nil else { return }
    // The base may violate the rules.
    let sides = [(move.old, move.oldApp), (move.new, move.newApp)]
    let members = sides.compactMap { cluster, app in cluster?.spec.memberCount(of: app?.spec) }.max() ?? 0
    guard members <= ClusterSpec.memberLimit else {
      plan.remarks.append(
        "there is no forecast: its file requests \(members) members before or after the change, "
          + "more than the \(ClusterSpec.memberLimit) that a cluster may have")
      return
    }
    if plan.change == .rollback, let old = move.old {
      // The upgrade has not begun: the engine still runs the requested app, so there is nothing to do.
      if !move.isByHistory, plan.running == nil { return }
      var extent = Forecast.Extent.unknown
      if let progress = plan.running?.progress {
        extent = .done(Dictionary(progress.map { ($0.id, $0.done) }, uniquingKeysWith: { one, _ in one }))
      }
      plan.isAtMost = extent == .unknown
      plan.forecast = answer(move, extent, members: members) {
        Forecast.rollback(of: old, to: move.new, apps: apps, after: extent)
      }
    } else {
      plan.forecast = answer(move, nil, members: members) {
        Forecast.change(from: move.old, to: move.new, apps: apps)
      }
    }
    if plan.forecast == nil {
      plan.remarks.append(
        "there is no forecast: the clusters of this change have too many members together; "
          + "plan smaller parts of it to get one")
    }
  }

  /// - Returns: Nil if it would take more than the remaining effort.
  private mutating func answer(
    _ move: ClusterTransition, _ extent: Forecast.Extent?, members: Int, _ play: () -> Forecast
  ) -> Forecast? {
    let question = Question(
      apps: [move.oldApp, move.newApp].map { $0?.metadata.namespace ?? "" }, old: move.old?.spec,
      new: move.new.spec,
      asked: [Wire.Annotation.maxUnavailable, Wire.Annotation.roleOrder].map {
        move.new.metadata.annotations[$0]
      }, extent: extent)
    if let forecast = known[question] { return forecast }
    guard members * members <= effort else { return nil }
    effort -= members * members
    let forecast = play()
    known[question] = forecast
    return forecast
  }
}

extension Difference {
  /// `serviceType (ClusterIP → NodePort)`.
  var words: String { "\(name) \(inWords)" }
}

extension RunningUpgrade {
  /// `spark-1.0.0 → spark-1.1.0 (commit 4f2c9ab, 2 of 6 pods)`.
  var words: String {
    var facts: [String] = []
    if let commit { facts.append("commit \(commit.prefix(7))") }
    if let done, let total { facts.append("\(done) of \(total) pods") }
    if stall != nil { facts.append("stalled") }
    return "\(fromApp) → \(toApp)" + (facts.isEmpty ? "" : " (\(facts.joined(separator: ", ")))")
  }
}
