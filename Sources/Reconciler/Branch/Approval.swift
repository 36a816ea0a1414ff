import DesiredState
import GitStore
import KubeDirector
import Logging
import Reports

// Approval: an administrator accepts what a commit would do.
extension Reconciler {
  /// Approves a commit: kdops follows it although history was rewritten or signatures are missing, and carries out the
  /// deletions that it had blocked.
  ///
  /// - Parameter sha: the commit's id, or at least 7 digits of it.
  /// - Returns: false if that is not the head that was fetched last; nothing is done then.
  @discardableResult
  public func accept(_ sha: String) async -> Bool {
    guard sha.utf8.count >= 7,
      let commit = [fetched, desired.head].compactMap(\.self).first(where: { $0.hex.hasPrefix(sha) })
    else { return false }
    approvedHead = commit
    isApprovalRead = true
    isSignatureCheckDue = true
    if refused == commit { refused = nil }
    for (reference, blocked) in blocked where blocked.verdict == .waiting {
      toJudge.objects.insert(reference)
    }
    await storeApproval(commit)
    enqueue()
    return true
  }

  /// The ref in the local repository that stores the approved commit of the branch, as another ref stores the last
  /// attempted revision. Approved deletions may have to wait for an upgrade, so the approval must survive a restart of
  /// the daemon.
  private var approvalRef: String { "refs/kdops/confirmed/\(settings.branch)" }

  /// Stores an approval for the next daemon. If that fails, this daemon still applies the approval.
  private func storeApproval(_ commit: ObjectID) async {
    let repository = mirror.repository
    do {
      let before = try await repository.target(of: approvalRef)
      if before != commit { try await repository.updateRef(approvalRef, to: commit, expecting: before) }
    } catch {
      logger.warning(
        "confirmation.not-kept",
        metadata: ["commit": "\(commit.short)", "error": "\(error)", "hint": "confirm again after a restart"])
    }
  }

  /// Loads, once, the approval that an earlier daemon stored.
  func readApproval(in repository: GitRepository) async throws {
    guard !isApprovalRead else { return }
    let commit = try await repository.target(of: approvalRef)
    // Another commit may have been approved during the read.
    guard !isApprovalRead else { return }
    (approvedHead, isApprovalRead) = (commit, true)
  }

  /// Drops an approval when another head is reconciled. An approval covers one head, so a push that brings that head
  /// back does not get the approval again. Approved deletions that have not happened yet, such as one that waits for an
  /// upgrade, stay approved.
  ///
  /// - Parameters:
  ///   - head: the head that is reconciled now.
  ///   - before: the desired state until then.
  func clearApproval(at head: ObjectID, _ before: DesiredState, in repository: GitRepository) async {
    allowed = allowed.filter { !desired.snapshot.holds($0) }
    guard let commit = approvedHead, commit != head, commit != fetched,
      stepwise?.commits.contains(commit) != true
    else {
      return
    }
    if before.head == commit {
      let gone = liveState.applied.references.filter {
        $0.kind == Wire.clusterKind && !before.snapshot.holds($0) && !desired.snapshot.holds($0)
      }
      allowed.formUnion(gone)
    }
    approvedHead = nil
    do {
      let kept = try await repository.target(of: approvalRef)
      if kept == commit { try await repository.updateRef(approvalRef, to: nil, expecting: commit) }
    } catch {
      logger.warning(
        "confirmation.not-dropped", metadata: ["commit": "\(commit.short)", "error": "\(error)"])
    }
  }
}
