import GitStore
import KubeDirector
import StatusWriter

// When a run that is to converge once has come to its end, and which end that is.
extension Reconciler {
  /// How a run that was to converge once ended.
  public enum Outcome: Sendable, Hashable {
    /// Everything is as git says.
    case converged
    /// Something was rejected, waits for good, or failed.
    case unsettled(rejected: Int, failed: Int, waiting: Int)
    /// Everything is as git says, and that could not be written back; with the reason.
    case untold(String)
    /// Git could not be read.
    case unreachable(GitError)
    case cancelled
  }

  /// True where nothing that goes on by itself is left.
  var isSettled: Bool {
    guard let fetched, settings.checker == nil || trust?.head == fetched, !isTrustDue,
      goal == desired.head || goal == refused, living.isComplete, !isRetrying,
      toJudge.objects.isEmpty, toJudge.files.isEmpty, drifted.isEmpty, seen.isEmpty
    else { return false }
    return !book.current.contains { $0.isUnderWay && !needsSomebody($0.reference) } && !isAnyUnderWay
  }

  /// Members come and go and hear of connections without a commit that is said to be under way; and what waits for
  /// them has its turn right after.
  private var isAnyUnderWay: Bool {
    living.objects.contains { reference, object in
      guard reference.kind == Wire.clusterKind, !object.isSuspended,
        object.label(Wire.Label.source) == settings.policy.installation
      else { return false }
      guard let status = living.status(of: reference) else { return true }
      return status.state != .configured && status.stall == nil
    }
  }

  var outcome: Outcome {
    let reports = book.current
    let count = { (phase: Phase) in reports.count { $0.phase == phase } }
    let (rejected, failed) = (count(.rejected), count(.failed))
    // What is suspended waits for whoever resumes it.
    let waiting = count(.waiting) + reports.count { $0.isUnderWay && needsSomebody($0.reference) }
    // Rewritten history is among what waits.
    let isHeld = refused != nil && refused == goal && refused != rewritten
    return rejected + failed + waiting == 0 && !isHeld
      ? .converged : .unsettled(rejected: rejected, failed: failed + (isHeld ? 1 : 0), waiting: waiting)
  }
}

extension ObjectReport {
  /// Whether it goes on by itself, unless somebody has stopped it.
  fileprivate var isUnderWay: Bool { [.pending, .upgrading, .rollingBack].contains(phase) }
}
