import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules

// Reports on a head that does not contain the last attempted revision.
extension Reconciler {
  func withhold(_ head: ObjectID, insteadOf lastAttempted: ObjectID, in repository: GitRepository) async {
    let wayOut =
      "push a head that contains \(lastAttempted.short), or accept this one by kdops sync --accept \(head.short)"
    logger.error(
      "history.rewritten",
      metadata: [
        "branch": "\(settings.branch)", "was": "\(lastAttempted.short)", "is": "\(head.short)",
        "hint": "nothing is applied; \(wayOut)",
      ])
    rewritten = head
    let report = ObjectReport(
      kind: ObjectReport.commitKind, namespace: "", name: head.short, change: .none,
      verdict: .waiting, phase: .waiting, rules: [CommitHistory.id],
      message:
        "history was rewritten: \(lastAttempted.short), the last attempted revision, is no longer in it; \(wayOut)"
    )
    await record(report, of: head, in: repository)
  }

  /// Withdraws the report on an earlier rewritten head when another head is followed or blocked.
  func releaseRewritten(by head: ObjectID, in repository: GitRepository) async throws {
    guard let before = rewritten else { return }
    rewritten = nil
    let object = Self.reference(of: before)
    // A commit counts as its own ancestor.
    if try await isPart(before, of: head, in: repository) {
      ledger.forget(object, of: before)
    } else {
      ledger.withdraw(object, by: head)
    }
  }
}
