import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Reports
import Rules
import Values

// Judging: turns pending changes into verdicts, passes them through the guards, and carries them out.
extension Reconciler {
  /// The verdicts of one pass.
  private struct Judgement {
    var changes: [JudgedChange]
    /// Objects that are neither in git nor in the cluster any more.
    var gone: Set<ObjectReference>
    var files: ParsedFiles
  }

  func judgePending() async throws -> Requeue {
    guard let head = desired.head,
      let batch = pending.begin(except: drift.drifted, together: settings.isAtomic ? blocked : nil)
    else { return .none }
    do {
      var judgement = try await judge(batch.changes, at: head)
      for reference in judgement.gone { await settleGone(reference, head) }
      pending.countJudged(judgement.changes.count)
      let approved = branch.approval.head
      var requeue = try await applyGuards(to: &judgement.changes, at: head)
      requeue.merge(try await carryOut(judgement.changes, judgement.files))
      // A change that was judged may depend on an object that has changed since.
      for (reference, before) in pending.end() { judgeAgain(after: reference, before: before) }
      if branch.approval.head != approved { judgeWaitingChangesAgain() }
      return requeue
    } catch {
      pending.fail(batch)
      throw error
    }
  }

  private func judge(_ changes: Changes, at head: ObjectID) async throws -> Judgement {
    let reader = repository.reader.withCommonLimit()
    let locations = LocationFiles(desired.blobs, reader)
    var snapshot = desired.snapshot
    snapshot.contents = { locations.bytes($0) }
    let (base, live) = baseline(of: changes.objects)
    pending.beginVerdicts()
    let judgement = Judge.judge(
      JudgeRequest(base: base, head: snapshot, changed: changes, live: live, policy: settings.policy))
    try locations.check()
    // The cluster changes during the judgement: a change is applied over the version that was judged, or judged again.
    let judged = judgement.objects.map { liveState.objects[$0.reference] }
    let findings = Dictionary(grouping: judgement.findings.filter { $0.object != nil }, by: { $0.object })
    for finding in judgement.findings where finding.object == nil { log(finding) }
    var outcome: [JudgedChange] = []
    for (verdict, live) in zip(judgement.objects, judged) {
      outcome.append(
        JudgedChange(
          reference: verdict.reference, change: verdict.change, verdict: verdict.verdict,
          findings: findings[verdict.reference] ?? [], commit: try await commit(of: verdict.reference, head),
          live: live))
    }
    return Judgement(
      changes: outcome, gone: changes.objects.subtracting(outcome.map(\.reference)),
      files: ParsedFiles(reader, defaultNamespace: desired.layout.defaultNamespace))
  }

  /// The object as its file has it; nil if the file does not contain it. Only one file is in memory at a time.
  func document(
    of reference: ObjectReference, at path: String, _ files: ParsedFiles
  ) async throws(GitError) -> JSON? {
    if !files.holds(path) {
      guard let blob = desired.blob(at: path) else { return nil }
      let bytes = try await repository.run { [reader = files.reader] () throws(GitError) in
        try reader.blob(blob, limit: ManifestLimits.standard.bytes)
      }
      files.parse(path, bytes)
    }
    return files.document(of: reference)
  }

  private func commit(
    of reference: ObjectReference, _ head: ObjectID
  ) async throws -> ObjectID {
    if let known = pending.takeCommit(of: reference) ?? blocked[reference]?.commit { return known }
    let path =
      desired.source(of: reference)?.path ?? liveState.objects[reference]?.annotation(Wire.Annotation.path)
    guard let path else { return head }
    return try await lastCommit(of: path, at: head) ?? head
  }

  // MARK: - Carrying out

  /// Blocks the changes that are not accepted, and applies the others in their order.
  private func carryOut(_ changes: [JudgedChange], _ files: ParsedFiles) async throws -> Requeue {
    var requeue = Requeue.none
    for change in changes where change.verdict != .accepted {
      try Task.checkCancellation()
      if change.verdict == .unchanged {
        requeue.merge(try await settle(change, files))
      } else {
        await block(change)
        requeue.merge(await rollBackFirst(change))
      }
    }
    let accepted = changes.filter { $0.verdict == .accepted }
    for change in ApplyOrder.sorted(accepted, path: { desired.source(of: $0)?.path ?? "" }) {
      try Task.checkCancellation()
      for warning in change.findings where warning.severity == .warning { log(warning) }
      if let waiting = waitingForDependency(change) {
        await block(waiting)
      } else {
        requeue.merge(try await apply(change, files))
      }
    }
    return requeue
  }

  func log(_ finding: Diagnostic) {
    logger.warning(
      "file.finding",
      metadata: [
        "rule": "\(finding.rule)",
        "at": "\(finding.location.map { "\($0.file):\($0.line):\($0.column)" } ?? "")",
        "reason": "\(finding.sentence)",
      ])
  }
}
