import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules

// Changes that are not applied: the live object already matches git, or the change is blocked.
extension Reconciler {
  /// Handles an object that already matches git: withdraws its blocked change, and records the file's new path or
  /// spelling, so that a later pass does not treat the object as removed. An object without a valid stamp is applied
  /// again to get one.
  func settle(_ change: JudgedChange, _ files: ParsedFiles) async throws(GitError) -> Requeue {
    let reference = change.reference
    var requeue = Requeue.none
    if let live = liveState.objects[reference], let path = desired.source(of: reference)?.path,
      let blob = desired.blob(at: path)
    {
      let refused = drift.refusedState(of: reference)
      guard stamp.holds(live.json), refused == nil else {
        var again = change
        again.change = refused?.origin.change ?? .metadata
        return try await apply(again, files)
      }
      do throws(APIError) {
        drift.willWrite(reference)
        put(try await applier.note(path: path, blob: blob.hex, on: live))
      } catch {
        requeue = retry(reference, after: error)
      }
    }
    ledger.markDirty(reference)
    // The refused write may have been a drift correction, and the drift may be gone now. Then no change was refused.
    let wasRefused = blocked[reference]?.isRefused == true
    blocked[reference] = nil
    releaseChanges(waitingFor: reference)
    if await !recordIfApplied(reference, inAnyCase: wasRefused) {
      ledger.withdraw(reference, by: change.commit)
    }
    return requeue
  }

  /// Reports a change under its commit that was applied although the API server's answer was lost. A change made on
  /// behalf of a commit, such as a rollback for the third app that waits, does not count as that commit's change.
  ///
  /// - Parameter inAnyCase: true to count the object as applied regardless of the kind of its last change.
  /// - Returns: false if the change that was judged last is not the live state.
  @discardableResult
  private func recordIfApplied(_ reference: ObjectReference, inAnyCase: Bool = false) async -> Bool {
    let live = liveState.objects[reference]
    let change = live?.changeKind
    guard let commit = ledger.candidate(of: reference),
      live?.annotation(Wire.Annotation.commit) == commit.hex,
      inAnyCase || ledger.report(of: reference)?.change == change
    else { return false }
    await record(ObjectReport.applied(reference, change ?? .none), of: commit)
    return true
  }

  /// Handles an object that is neither in git nor in the cluster any more.
  func settleGone(_ reference: ObjectReference, _ head: ObjectID) async {
    blocked[reference] = nil
    guard let commit = ledger.candidate(of: reference), let report = ledger.report(of: reference) else {
      return
    }
    // The desired state is reached, no matter who deleted the object, and even if the API server's answer was lost.
    guard report.change == .delete, report.phase == .waiting else {
      return ledger.withdraw(reference, by: head)
    }
    var done = ObjectReport.applied(reference, report.change)
    done.phase = .done
    await record(done, of: commit)
  }

  /// Reports a change that is not carried out. It is judged again when something related to it changes.
  func block(_ change: JudgedChange) async {
    let (reference, commit) = (change.reference, change.commit)
    let known = blocked[reference]
    let isNews = known?.verdict != change.verdict || known?.commit != commit
    // Must run before a later commit replaces the candidate.
    if ledger.candidate(of: reference) != commit, known?.isRefused != true {
      await recordIfApplied(reference)
    }
    blocked[reference] = BlockedObject(
      verdict: change.verdict, commit: commit, rules: Set(change.reasons.map(\.rule)),
      apps: apps(of: reference),
      // The fingerprint of the judged object, even if the object has changed since.
      fingerprint: change.live.map { LiveFingerprint($0, ClusterStatus($0.json["status"])) })
    let report = change.report
    await record(report, of: commit)
    ledger.markDirty(reference)
    releaseChanges(waitingFor: reference)
    guard isNews else { return }
    logger.log(
      level: change.verdict == .rejected ? .warning : .info, "object.\(change.verdict.rawValue)",
      metadata: [
        "object": "\(reference)", "change": "\(change.change.rawValue)", "commit": "\(commit.short)",
        "reason": "\(report.message ?? "")",
      ])
  }
}
