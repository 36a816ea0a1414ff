import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

// Resumes the reports of an earlier daemon. What was applied is recorded on the objects, but a daemon may have been
// killed between a write and its report.
extension Reconciler {
  /// How many commits of the branch are searched for incomplete reports.
  private static let recentCommits = 100

  /// Reopens commits whose report is not final: work is in progress, or the note is incomplete. Notes are read only
  /// to complete them; no other decision depends on them.
  ///
  /// - Parameter head: the last attempted revision; nil if the local repository does not have it, so that only commits
  ///   of live objects count.
  func resumeReporting(at head: ObjectID?) async throws {
    var recent: Set<ObjectID> = []
    if let head {
      let log = try await repository.firstParentLog(from: nil, to: head, limit: Self.recentCommits)
      recent = Set(log.commits.map(\.id))
      recent.insert(head)
    }
    let underWay = liveState.underWay
    for commit in liveState.commits.union(recent).sorted() {
      let lastReport = await records.lastReport(of: commit)
      let isOpen =
        lastReport.map { $0.phase != .done }
        ?? (recent.contains(commit) && !liveState.objects(of: commit).isEmpty)
      guard isOpen || underWay.contains(commit) else { continue }
      await reopen(commit, lastReport)
    }
  }

  /// Records an object under a commit, in addition to the earlier report of that commit.
  func record(_ report: ObjectReport, of commit: ObjectID) async {
    if !ledger.has(commit) { await reopen(commit, await records.lastReport(of: commit)) }
    ledger.record(report, of: commit, subject: await subject(of: commit))
  }

  private func reopen(_ commit: ObjectID, _ lastReport: CommitReport?) async {
    let subject = await subject(of: commit)
    let liveObjects = liveState.objects(of: commit)
    // Signatures are verified again, so earlier reports on them are dropped.
    let objects = (lastReport?.objects ?? []).filter { $0.kind != ObjectReport.commitKind }
    let isNews = objects.count != lastReport?.objects.count ?? 0
    pending.insert(
      ledger.reopen(commit, lastReport: objects, liveObjects: liveObjects, subject: subject, isNews: isNews) {
        object in
        guard let live = liveState.objects[object], let origin = Provenance(of: live),
          let at = ObjectID(hex: origin.commit)
        else { return .gone }
        if at == commit { return .here(change: origin.change ?? .none) }
        // Later commits changed only labels and annotations.
        guard origin.specCommit == commit.hex else { return .elsewhere(at, change: origin.change ?? .none) }
        let upgrade = liveState.status(of: object)?.upgradeInfo
        let change = upgrade.map { $0.isRollingBack ? ChangeKind.rollback : .upgrade } ?? .reconfigure
        return .here(change: change)
      })
    ledger.markDirty(liveObjects)
  }

  func subject(of commit: ObjectID) async -> String {
    if let known = ledger.subject(of: commit) { return known }
    let subject = (try? await repository.commitInfo(commit).subject) ?? ""
    ledger.store(subject: subject, of: commit)
    return subject
  }
}
