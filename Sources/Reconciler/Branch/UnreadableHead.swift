import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Reports
import Rules

// A head that was fetched and cannot be read: what was applied before stays in force.
extension Reconciler {
  /// Reports why a head is not followed. A later head is followed again.
  func refuseUnreadable(_ head: ObjectID, _ error: GitError, in repository: GitRepository) async throws {
    let findings = [Diagnostic(unreadable: error) ?? Diagnostic(unreadableHead: error)]
    if desired.head == nil {
      try await resumeReporting(at: lastAttemptedAtHand(in: repository) ?? head, in: repository)
    }
    refused = head
    let still =
      desired.head.map { "what \($0.short) says stays in force" }
      ?? "nothing is applied, and what is there stays as it is"
    logger.error(
      "head.unreadable",
      metadata: [
        "branch": "\(settings.branch)", "commit": "\(head.short)", "error": "\(error.message)",
        "path": "\(error.path ?? "")", "hint": "\(error.hint ?? "push a commit that can be read"); \(still)",
      ])
    let report = ObjectReport(
      kind: ObjectReport.commitKind, namespace: "", name: head.short, change: .none,
      verdict: .rejected, phase: .rejected, rules: findings.map(\.rule),
      message: "\(error.path.map { "\($0): " } ?? "")\(findings[0].sentence); \(still)")
    unreadable = head
    await record(report, of: head, in: repository)
  }

  /// Whether the local repository was damaged and was fetched again. It is checked once for each head: if the head is
  /// still unreadable after that, the remote has the same damage.
  func restoreCopy(of head: ObjectID, after error: GitError) async -> Bool {
    guard error.kind == .gone || error.kind == .corrupt, restoredAt != head else { return false }
    restoredAt = head
    logger.warning("repository.damaged", metadata: ["error": "\(error)"])
    guard (try? await mirror.repair()) == true else { return false }
    await fetchNow()
    return problem == nil
  }

  /// Withdraws the report on an unreadable head when another head is followed.
  func releaseUnreadable(by head: ObjectID) {
    guard let before = unreadable, before != head else { return }
    unreadable = nil
    ledger.withdraw(Self.reference(of: before), by: head)
  }
}

extension Diagnostic {
  /// The finding for a head with data that is missing or damaged at the remote.
  fileprivate init(unreadableHead error: GitError) {
    self.init(
      rule: FileRule.tree, severity: .error, location: error.path.map { SourceLocation(file: $0) },
      message: error.message, hint: error.hint)
  }
}
