import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import Values

// A reconcile pass: reads what is new in git and the cluster, judges it, applies it, and reports the result.
extension Reconciler {
  func reconcilePass() async {
    guard liveState.isComplete, let fetched else { return }
    let repository = mirror.repository
    isInPass = true
    defer { isInPass = false }
    if isResyncDue {
      isResyncDue = false
      await resync()
    }
    do {
      try await readLastAttempted()
      try await readApproval(in: repository)
      goal = try await trusted(fetched, in: repository)
      if let goal, goal != refused { try await releaseRewritten(by: goal, in: repository) }
      if let goal, let next = try await nextStep(to: goal, in: repository) {
        try await follow(next, to: goal, in: repository)
      }
      // A refused head does not stop drift correction and retries for what was applied before.
      await correctDrift(in: repository)
      try await judge(in: repository)
      await reportBlockedChanges()
    } catch let error as GitError {
      // The local repository could not be read.
      logger.error("git.read.failed", metadata: ["error": "\(error)"])
      if await !restoreCopy(of: fetched, after: error) { problem = error }
      isRetrying = true
    } catch {
      isRetrying = true
    }
    await reportClusters()
    await revertStalledUpgrades(in: repository)
    if mayStep { enqueue() }
  }

  // MARK: - A new head

  private func follow(_ next: ObjectID, to goal: ObjectID, in repository: GitRepository) async throws {
    do {
      try await adopt(next, in: repository)
    } catch let error as GitError where error.isOfContent {
      if await restoreCopy(of: next, after: error) { return enqueue() }
      guard problem == nil else { throw error }
      stepwise?.pass(next)
      return try await refuseUnreadable(next, error, in: repository)
    }
    if refused != next { releaseUnreadable(by: next) }
    stepwise?.pass(next)
    // An object that was missing when the stepwise run began may be part of the desired state after all.
    if stepwise?.isResumed == true, desired.head == goal { detectDrift() }
  }

  private func adopt(_ commit: ObjectID, in repository: GitRepository) async throws {
    let kept = try await repository.target(of: lastAttemptedRef)
    if let lastAttempted = recorded ?? kept, lastAttempted != commit, !settings.acceptsRewrittenHistory,
      approvedHead != commit, try await !isPart(lastAttempted, of: commit, in: repository)
    {
      if desired.head == nil {
        try await resumeReporting(at: lastAttemptedAtHand(in: repository), in: repository)
      }
      refused = commit
      return await withhold(commit, insteadOf: lastAttempted, in: repository)
    }
    let isFirst = desired.head == nil
    let before = desired
    var next = desired
    let step = try await next.advance(to: commit, in: repository)
    desired = next
    guard step.isUsable else {
      if isFirst {
        try await resumeReporting(at: lastAttemptedAtHand(in: repository) ?? commit, in: repository)
      }
      refused = commit
      await record(step.layoutFindings, of: RepositoryLayout.path, commit, in: repository)
      for finding in step.layoutFindings { log(finding) }
      return
    }
    refused = nil
    await record(step.layoutFindings, of: RepositoryLayout.path, commit, in: repository)
    await delegate.head(desired.layout, commit, repository)
    do {
      let count = try await takeIn(step, of: commit, before, in: repository)
      try await storeLastAttempted(commit, insteadOf: kept, in: repository)
      logger.info("head.fetched", metadata: ["commit": "\(commit.short)", "changed": "\(count)"])
    } catch {
      // All or nothing: on an error the next pass starts from the old state.
      desired = before
      throw error
    }
    await clearApproval(at: commit, before, in: repository)
  }

  /// Enqueues the objects that a head changes.
  ///
  /// - Parameter before: the desired state until then.
  /// - Returns: the number of those objects.
  private func takeIn(
    _ step: DesiredState.Step, of commit: ObjectID, _ before: DesiredState, in repository: GitRepository
  ) async throws -> Int {
    var changes = step.changes
    if step.isComplete {
      changes.objects.formUnion(liveState.applied.references)
      changes.objects = changes.objects.filter { !isInSync($0) || blocked[$0] != nil }
      changes.files = changes.files.filter { !desired.snapshot.findings(in: $0.wrappedValue).isEmpty }
    }
    if step.isComplete, stepwise?.isResumed == true {
      changes.objects = changes.objects.filter { liveState.objects[$0] != nil }
    }
    // Blocked changes are judged again if something related to them changes. Deletions that need an approval are judged
    // again with each head, because the approval covers one head.
    changes.objects.formUnion(blocked.blockedPrunes)
    for object in changes.objects where !blocked.isEmpty {
      var apps = apps(of: object)
      if let old = before.snapshot.cluster(object)?.spec.app { apps.insert(old) }
      changes.objects.formUnion(
        blocked.related(to: object, apps: apps).filter { blocked[$0]?.verdict != .orphaned })
    }
    var attributedToHead = 0
    for object in changes.objects {
      // A file may have been moved since the object was applied from it.
      var paths = desired.snapshot.sources(of: object).map(\.path)
      if paths.isEmpty, let path = before.source(of: object)?.path { paths = [path] }
      if paths.isEmpty, let path = liveState.objects[object]?.annotation(Wire.Annotation.path) {
        paths = [path]
      }
      // History is searched once for all files; what is not found there is attributed to the head.
      let found = step.latest(of: paths.map { ExactString($0) })
      let mayBeEarlier = found == nil && step.commits.end != nil && step.changes.objects.contains(object)
      if mayBeEarlier { attributedToHead += 1 }
      commitOf[object] =
        found ?? (mayBeEarlier && !step.isComplete ? commit : nil) ?? blocked[object]?.commit
        ?? (step.isComplete ? commit : nil)
    }
    for path in changes.files {
      let found = step.latest(of: [path])
      let isOfHead = found == nil && (step.isComplete || step.commits.end != nil)
      if isOfHead, step.commits.end != nil { attributedToHead += 1 }
      try await noteFile(path.wrappedValue, found ?? (isOfHead ? commit : nil), at: commit, in: repository)
    }
    if let end = step.commits.end { report(end, attributedToHead, at: commit) }
    toJudge.formUnion(changes)
    // Drift can be detected only now that the desired state is known.
    if step.isComplete { for (reference, object) in liveState.objects { detectEdit(object, reference) } }
    if before.head == nil { try await resumeReporting(at: commit, in: repository) }
    return changes.objects.count
  }

  /// Whether the live object was made from the same blob that the head has.
  func isInSync(_ object: ObjectReference) -> Bool {
    guard let live = liveState.objects[object], let path = desired.source(of: object)?.path,
      let blob = desired.blob(at: path), desired.snapshot.sources(of: object).count == 1
    else { return false }
    return live.annotation(Wire.Annotation.blob) == blob.hex && liveState.applied.holds(object)
  }

  /// Reports a file that could not be read under its commit, as an object is reported.
  private func noteFile(
    _ path: String, _ commit: ObjectID?, at head: ObjectID, in repository: GitRepository
  ) async throws {
    let findings = desired.snapshot.findings(in: path).filter { $0.severity == .error && $0.object == nil }
    var commit = commit
    if commit == nil { commit = try await lastCommit(of: path, at: head, in: repository) }
    let earlier = brokenFiles[ExactString(path)]
    brokenFiles[ExactString(path)] = findings.isEmpty ? nil : commit ?? head
    if settings.isAtomic, let earlier, earlier != brokenFiles[ExactString(path)] {
      toJudge.objects.formUnion(blocked.objects(of: [earlier]))
    }
    await record(findings, of: path, commit ?? head, in: repository)
  }

  private func record(
    _ findings: [Diagnostic], of path: String, _ commit: ObjectID, in repository: GitRepository
  ) async {
    let errors = findings.filter { $0.severity == .error }
    guard let first = errors.first else {
      return ledger.withdraw(ObjectReference(kind: "File", namespace: "", name: path), by: commit)
    }
    let report = ObjectReport(
      kind: "File", namespace: "", name: path, change: .none,
      verdict: .rejected, phase: .rejected, rules: errors.map(\.rule).uniqued,
      message: (first.location.map { "line \($0.line), column \($0.column): " } ?? "") + first.sentence)
    await record(report, of: commit, in: repository)
  }

  func retry(_ reference: ObjectReference, after error: APIError) {
    toJudge.objects.insert(reference)
    isRetrying = true
    warn(reference, error)
  }

  func warn(_ reference: ObjectReference, _ error: APIError) {
    guard error.kind != .conflict else { return }
    logger.warning("apply.failed", metadata: ["object": "\(reference)", "error": "\(error)"])
  }

  // MARK: - Reporting

  func reportClusters() async {
    let changed = dirtyClusters.sorted()
    dirtyClusters = []
    for reference in changed where reference.kind == Wire.clusterKind {
      guard let live = liveState.objects[reference] else {
        stalled.remove(reference)
        autoReverts[reference] = nil
        ledger.update(reference) { report in
          guard report.change == .delete, report.verdict == .accepted
          else {
            return report
          }
          var report = report
          report.phase = .done
          return report
        }
        await delegate.clusterGone(reference)
        continue
      }
      guard liveState.applied.holds(reference) else { continue }
      let status = liveState.status(of: reference)
      if status?.stall == nil { stalled.remove(reference) } else { stalled.insert(reference) }
      follow(live)
      let report = withheldReport(reference) ?? ledger.report(of: reference)
      let noWayBack =
        status?.upgradeInfo == nil ? [] : status?.roles(past: noReturn(reference, live)) ?? []
      await delegate.cluster(reference, status, Set(noWayBack), report ?? Self.settled(live, status))
    }
  }

  /// Updates the report of a cluster from its status.
  func follow(_ live: Object) {
    let status = ClusterStatus(live.json["status"])
    let commit = ledger.owner(of: live.reference)
    ledger.update(live.reference) { report in
      guard report.change != .delete else { return report }
      var now =
        Self.isOf(commit, status, live) ? report.following(status) : report.awaited(by: status)
      if now.phase == .failed, let message = now.message, let obstacle = obstacle(live.reference, commit) {
        now.message = "\(message); \(obstacle)"
      }
      return now
    }
  }

  /// The report of a cluster whose commit is closed in the ledger.
  private static func settled(_ live: Object, _ status: ClusterStatus?) -> ObjectReport {
    let commit = Provenance(of: live).flatMap { ObjectID(hex: $0.specCommit) }
    let report = ObjectReport(
      kind: live.kind, namespace: live.namespace, name: live.name,
      change: live.changeKind ?? .none, verdict: .accepted, phase: .done)
    return isOf(commit, status, live) ? report.following(status) : report.awaited(by: status)
  }

  /// Whether a status refers to what the commit asked for, and not to an earlier state.
  private static func isOf(_ commit: ObjectID?, _ status: ClusterStatus?, _ live: Object) -> Bool {
    guard let status, let commit else { return false }
    return status.specCommit == commit.hex && status.observedGeneration >= live.generation
      && status.app == live.json["spec"]?["app"]?.string
  }
}

extension Diagnostic {
  /// The message and the hint on one line.
  var sentence: String { hint.map { "\(message); \($0)" } ?? message }
}

extension Array where Element: Hashable {
  /// The elements without duplicates, in the order of their first appearance.
  var uniqued: [Element] {
    var met: Set<Element> = []
    return filter { met.insert($0).inserted }
  }
}
