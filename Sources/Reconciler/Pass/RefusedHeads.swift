import Diagnostics
import GitStore
import KubeDirector
import Logging

// Heads that are not followed. The state that was applied before stays applied.
extension Reconciler {
  /// Reports a head that does not contain the last attempted revision.
  func refuseRewritten(_ head: ObjectID, lacking lastAttempted: ObjectID) async throws {
    if desired.head == nil { try await resumeReporting(at: availableLastAttempted()) }
    branch.refuseRewritten(head)
    let remedy = HeadReports.remedy(forRewritten: head, lacking: lastAttempted)
    logger.error(
      "history.rewritten",
      metadata: [
        "branch": "\(settings.branch)", "was": "\(lastAttempted.short)", "is": "\(head.short)",
        "hint": "nothing is applied; \(remedy)",
      ])
    await record(HeadReports.rewritten(head, lacking: lastAttempted), of: head)
  }

  /// Reports why a head cannot be read. A later head is followed again.
  func refuseUnreadable(_ head: ObjectID, _ error: GitError) async throws {
    if desired.head == nil { try await resumeReporting(at: availableLastAttempted() ?? head) }
    if let earlier = branch.refuseUnreadable(head) {
      ledger.withdraw(HeadReports.reference(of: earlier), by: head)
    }
    let consequence = HeadReports.consequence(applied: desired.head)
    logger.error(
      "head.unreadable",
      metadata: [
        "branch": "\(settings.branch)", "commit": "\(head.short)", "error": "\(error.message)",
        "path": "\(error.path ?? "")",
        "hint": "\(error.hint ?? "push a commit that can be read"); \(consequence)",
      ])
    await record(HeadReports.unreadable(head, error, applied: desired.head), of: head)
  }

  /// Withdraws the report on a head or an unverified commit that no longer blocks the branch.
  ///
  /// - Parameter goal: the commit that is followed now.
  func withdrawReport(on commit: ObjectID, by goal: ObjectID) async throws {
    let object = HeadReports.reference(of: commit)
    // A commit counts as its own ancestor.
    if try await reader.isPart(commit, of: goal) {
      ledger.forget(object, of: commit)
    } else {
      ledger.withdraw(object, by: goal)
    }
  }
}
