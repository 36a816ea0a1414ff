import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging

// Approval: an administrator accepts a commit with all its effects.
extension Reconciler {
  /// Approves a commit: kdops follows it although history was rewritten or signatures are missing, and carries out the
  /// deletions that it had blocked.
  ///
  /// - Parameter sha: the commit's id, or at least 7 digits of it.
  /// - Returns: false if that is not the head that was fetched last; nothing is done then.
  @discardableResult
  public func accept(_ sha: String) async -> Bool {
    guard let commit = branch.commit(sha, applied: desired.head) else { return false }
    branch.approve(commit)
    judgeWaitingChangesAgain()
    do {
      try await reader.storeApproval(of: commit)
    } catch {
      // This daemon applies the approval in any case.
      logger.warning(
        "approval.not-stored",
        metadata: [
          "commit": "\(commit.short)", "error": "\(error)", "hint": "approve it again after a restart",
        ])
    }
    enqueue()
    return true
  }

  /// Enqueues the blocked changes that an approval may release.
  func judgeWaitingChangesAgain() {
    for (reference, change) in blocked where change.verdict == .waiting { pending.insert(reference) }
  }

  /// Loads, once, the approval that an earlier daemon stored.
  func readApproval() async throws {
    guard !branch.approval.isRead else { return }
    branch.approval.read(try await reader.approvedHead())
  }

  /// Ends an approval when another head is reconciled.
  ///
  /// - Parameters:
  ///   - head: the head that is reconciled now.
  ///   - before: the desired state until then.
  func endApproval(at head: ObjectID, _ before: DesiredState) async {
    branch.approval.keepDeletions { !desired.snapshot.holds($0) }
    let ahead = [branch.fetch.head].compactMap(\.self) + (branch.steps?.commits ?? [])
    guard let commit = branch.approval.ending(at: head, ahead: ahead) else { return }
    var gone: [ObjectReference] = []
    if before.head == commit {
      gone = liveState.applied.references.filter {
        $0.kind == Wire.clusterKind && !before.snapshot.holds($0) && !desired.snapshot.holds($0)
      }
    }
    branch.approval.end(keeping: Set(gone))
    do {
      try await reader.dropApproval(of: commit)
    } catch {
      logger.warning(
        "approval.not-removed", metadata: ["commit": "\(commit.short)", "error": "\(error)"])
    }
  }
}
