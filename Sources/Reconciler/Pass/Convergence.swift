import GitStore
import KubeDirector
import Reports

// Convergence: when a run with `once` has ended, and with which outcome.
extension Reconciler {
  /// The outcome of a run with `once`.
  public enum Outcome: Sendable, Hashable {
    /// Everything matches git.
    case converged
    /// A change was rejected, is blocked until a person acts, or failed.
    case unsettled(rejected: Int, failed: Int, waiting: Int)
    /// Everything matches git, but the status could not be written back; with the reason.
    case statusUnwritten(String)
    /// Git could not be read.
    case unreachable(GitError)
    case cancelled
  }

  /// How a run with `once` ends after a pass; nil if it continues.
  ///
  /// - Parameter requeue: the result of the pass.
  func outcome(after requeue: Requeue) async -> Outcome? {
    // A daemon that keeps running retries after such an error.
    let failure = problem.flatMap { $0.isTransient ? nil : Outcome.unreachable($0) }
    let isSettled = isSettled(after: requeue)
    guard isSettled || failure != nil else { return nil }
    await sendReports()
    return isSettled ? outcome : failure
  }

  /// Whether no work is left that the daemon can continue without a person or another commit.
  private func isSettled(after requeue: Requeue) -> Bool {
    guard let head = branch.fetch.head, !requeue.isBackoff,
      settings.checker == nil || !branch.signatures.needsCheck(of: head),
      branch.isSettled(at: desired.head), liveState.isComplete, isAllJudged, drift.drifted.isEmpty,
      !ledger.hasDirtyObjects
    else { return false }
    return !ledger.underWay.contains { !needsIntervention($0.reference) } && !isAnyUnderWay
  }

  /// Whether no object waits for a judgement. True while no head is followed, because nothing is judged before a person
  /// has acted.
  private var isAllJudged: Bool {
    desired.head == nil || pending.isEmpty
  }

  /// Whether any cluster is not in a final state. Adding, removing and notifying members is not part of a commit's
  /// report, and other changes may wait for the end of it.
  private var isAnyUnderWay: Bool {
    liveState.objects.contains { reference, object in
      guard reference.kind == Wire.clusterKind, !object.isSuspended,
        object.label(Wire.Label.source) == settings.policy.installation
      else { return false }
      guard let status = liveState.status(of: reference) else { return true }
      return status.state != .configured && status.stall == nil
    }
  }

  private var outcome: Outcome {
    let reports = ledger.current
    let count = { (phase: Phase) in reports.count { $0.phase == phase } }
    let (rejected, failed) = (count(.rejected), count(.failed))
    // A suspended cluster waits until it is resumed.
    let waiting = count(.waiting) + reports.count { $0.isUnderWay && needsIntervention($0.reference) }
    // Rewritten history already counts as waiting.
    let isBlocked = branch.needsCommit
    return rejected + failed + waiting == 0 && !isBlocked
      ? .converged : .unsettled(rejected: rejected, failed: failed + (isBlocked ? 1 : 0), waiting: waiting)
  }
}
