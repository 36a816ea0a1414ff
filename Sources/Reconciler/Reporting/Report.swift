import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

// Reports: keeps the reports of commits up to date, and sends what changed to the subscribers.
extension Reconciler {
  /// Sends an event to every subscriber, in their order.
  func send(_ event: ReconcileEvent) async {
    await ports.send(event)
  }

  /// Sends the reports of commits that are not sent yet. A commit with an object that is not judged yet is left out,
  /// because it might seem to be done.
  func sendReports() async {
    for report in ledger.takeReports(except: pending.unreported(in: ledger)) { await send(.commit(report)) }
  }

  /// Whether the report of a commit has to be sent.
  var hasReports: Bool { !ledger.dirty.isSubset(of: pending.unreported(in: ledger)) }

  /// Records the findings of a file, as an object is recorded.
  func record(_ findings: [Diagnostic], of path: String, _ commit: ObjectID) async {
    let errors = findings.filter { $0.severity == .error }
    guard let first = errors.first else {
      return ledger.withdraw(ObjectReference(kind: "File", namespace: "", name: path), by: commit)
    }
    let report = ObjectReport(
      kind: "File", namespace: "", name: path, change: .none,
      verdict: .rejected, phase: .rejected, rules: errors.map(\.rule).uniqued,
      message: (first.location.map { "line \($0.line), column \($0.column): " } ?? "") + first.sentence)
    await record(report, of: commit)
  }

  /// Reports the blocked changes if they differ from the last report. Called when a pass has judged everything that it
  /// could, so that a new daemon does not withdraw an earlier daemon's report before it has judged the changes itself.
  func reportBlockedChanges() async -> Requeue {
    let refProblems = branch.fetch.refProblems
    let version = BlockedChanges.Version(ledger: ledger.notAppliedVersion, refProblems: refProblems)
    guard blocked.mayDiffer(at: version) else { return .none }
    let list = BlockedChangeList(
      all: ledger.notApplied.compactMap { BlockedChange($0.report, of: $0.commit.hex) }
        + refProblems.map(BlockedChange.init))
    guard blocked.isNews(list, at: version) else { return .none }
    await send(.blocked(list))
    guard await records.store(list) else { return .backoff() }
    blocked.report(list, at: version)
    return .none
  }

  /// Sends the clusters that changed, and updates the reports of their commits.
  func reportClusters() async {
    for reference in ledger.takeDirtyObjects() where reference.kind == Wire.clusterKind {
      guard let live = liveState.objects[reference] else {
        reverts.forget(reference)
        ledger.endDeletion(of: reference)
        await send(.clusterGone(reference))
        continue
      }
      guard liveState.applied.holds(reference) else { continue }
      let status = liveState.status(of: reference)
      reverts.observe(reference, isStalled: status?.stall != nil)
      updateReport(of: live, status)
      let report =
        blockedReport(of: reference) ?? ledger.report(of: reference)
        ?? ObjectReport(live: live, status)
      let passed =
        status?.upgradeInfo == nil ? [] : status?.roles(past: rolesWithoutReturn(reference, live)) ?? []
      await send(
        .cluster(
          ReconcileEvent.ClusterState(
            reference: reference, path: live.annotation(Wire.Annotation.path), status: status,
            rolesPastNoReturn: Set(passed), report: report)))
    }
  }

  /// Updates the report of a cluster from its status.
  func updateReport(of live: Object, _ status: ClusterStatus?) {
    let reference = live.reference
    let commit = ledger.owner(of: reference)
    ledger.follow(live, status, obstacle: reverts.obstacle(reference, of: commit))
  }
}

extension Diagnostic {
  /// The message and the hint on one line.
  var sentence: String { hint.map { "\(message); \($0)" } ?? message }
}
