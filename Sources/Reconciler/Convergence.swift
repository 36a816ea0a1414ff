import GitStore
import KubeDirector
import Reports

// Convergence: when a run with `once` has ended, and with which outcome.
extension Reconciler {
  /// The outcome of a run with `once`.
  public enum Outcome: Sendable, Hashable {
    /// Everything matches git.
    case converged
    /// A change was rejected, is blocked until someone acts, or failed.
    case unsettled(rejected: Int, failed: Int, waiting: Int)
    /// Everything matches git, but the status could not be written back; with the reason.
    case untold(String)
    /// Git could not be read.
    case unreachable(GitError)
    case cancelled
  }

  /// True if nothing is left that continues by itself.
  var isSettled: Bool {
    guard let fetched, settings.checker == nil || signatureGate?.head == fetched, !isSignatureCheckDue,
      goal == desired.head || goal == refused, liveState.isComplete, !isRetrying,
      toJudge.objects.isEmpty, toJudge.files.isEmpty, drifted.isEmpty, dirtyClusters.isEmpty
    else { return false }
    return !ledger.current.contains { $0.isUnderWay && !needsSomebody($0.reference) } && !isAnyUnderWay
  }

  /// Members are added, removed and notified of connections without a commit whose report is in progress; changes that
  /// wait for them are handled right after.
  private var isAnyUnderWay: Bool {
    liveState.objects.contains { reference, object in
      guard reference.kind == Wire.clusterKind, !object.isSuspended,
        object.label(Wire.Label.source) == settings.policy.installation
      else { return false }
      guard let status = liveState.status(of: reference) else { return true }
      return status.state != .configured && status.stall == nil
    }
  }

  var outcome: Outcome {
    let reports = ledger.current
    let count = { (phase: Phase) in reports.count { $0.phase == phase } }
    let (rejected, failed) = (count(.rejected), count(.failed))
    // A suspended cluster waits until it is resumed.
    let waiting = count(.waiting) + reports.count { $0.isUnderWay && needsSomebody($0.reference) }
    // Rewritten history already counts as waiting.
    let isHeld = refused != nil && refused == goal && refused != rewritten
    return rejected + failed + waiting == 0 && !isHeld
      ? .converged : .unsettled(rejected: rejected, failed: failed + (isHeld ? 1 : 0), waiting: waiting)
  }
}

extension ObjectReport {
  /// Whether the change continues by itself, unless it was suspended.
  fileprivate var isUnderWay: Bool { [.pending, .upgrading, .rollingBack].contains(phase) }
}
