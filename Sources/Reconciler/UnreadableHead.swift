import Diagnostics
import GitStore
import KubeDirector
import Layout
import Logging
import Manifests
import Rules
import StatusWriter

// A head that was fetched and cannot be read: what was applied before stays, and is kept as it is.
extension Reconciler {
  /// Says why a head is not followed. A later one is.
  func refuseUnreadable(_ head: ObjectID, _ error: GitError, in repository: GitRepository) async throws {
    let findings = [Diagnostic(unreadable: error) ?? Diagnostic(unreadableHead: error)]
    if desired.head == nil {
      try await takeUpOpenCommits(at: lastWorkedAtHand(in: repository) ?? head, in: repository)
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
      kind: Self.commitKind, namespace: "", name: head.short, change: ChangeKind.none.rawValue,
      verdict: Verdict.rejected.rawValue, phase: .rejected, rules: findings.map(\.rule),
      message: "\(error.path.map { "\($0): " } ?? "")\(findings[0].sentence); \(still)")
    unreadable = head
    await record(report, of: head, in: repository)
  }

  /// Whether our copy was damaged, and was fetched again. Looked for once for each head: where it cannot be read after
  /// that either, the remote has it so.
  func restoreCopy(of head: ObjectID, after error: GitError) async -> Bool {
    guard error.kind == .gone || error.kind == .corrupt, restoredAt != head else { return false }
    restoredAt = head
    logger.warning("repository.damaged", metadata: ["error": "\(error)"])
    guard (try? await mirror.repair()) == true else { return false }
    await fetchNow()
    return problem == nil
  }

  /// Another head is followed; what was said of an unreadable one no longer holds.
  func releaseUnreadable(by head: ObjectID) {
    guard let before = unreadable, before != head else { return }
    unreadable = nil
    book.withdraw(Self.reference(of: before), by: head)
  }
}

extension Diagnostic {
  /// What is wrong with a head of which something is missing or damaged at the remote.
  fileprivate init(unreadableHead error: GitError) {
    self.init(
      rule: FileRule.tree, severity: .error, location: error.path.map { SourceLocation(file: $0) },
      message: error.message, hint: error.hint)
  }
}
