import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Rules
import Values

// The first step of a pass: follows the branch as far as signatures and history allow, and enqueues what its new head
// changes.
extension Reconciler {
  func followBranch(to fetched: ObjectID, _ requeue: inout Requeue) async throws {
    try await readLastAttempted()
    try await readApproval()
    let goal = try await checkSignatures(to: fetched)
    if let released = branch.setGoal(goal), let goal { try await withdrawReport(on: released, by: goal) }
    guard let next = try await nextCommit() else { return }
    do {
      try await adopt(next)
    } catch let error as GitError where error.isOfContent {
      if await repairRepository(for: next, after: error) { return requeue.merge(.now) }
      guard branch.fetch.problem == nil else { throw error }
      branch.passed(next)
      return try await refuseUnreadable(next, error)
    }
    if let released = branch.takeUnreadable(after: next) {
      ledger.withdraw(HeadReports.reference(of: released), by: next)
    }
    branch.passed(next)
    // An object that was missing when the stepwise run began may be part of the desired state after all.
    if branch.steps?.isResumed == true, desired.head == goal { detectDrift() }
  }

  /// The commit to apply next; nil if the goal is reached, or if work in progress must end first.
  private func nextCommit() async throws -> ObjectID? {
    let isStepwise = settings.history == .stepwise
    func step() -> BranchState.Step {
      branch.nextStep(from: desired.head, isStepwise: isStepwise, isUnderWay: isUnderWay)
    }
    var next = step()
    if case .list(let head) = next {
      branch.steps = try await reader.steps(
        to: head, from: desired.head, lastAttempted: try await lastAttempted(), known: liveState.commits)
      next = step()
    }
    switch next {
    case .none, .list: return nil
    case .follow(let commit): return commit
    case .findRollback(let commits):
      let running = runningUpgrades
      guard branch.steps?.beginSearch(for: running) == true else { return nil }
      return try await rollback(among: commits, of: running)
    }
  }

  private func rollback(
    among commits: [ObjectID], of running: [ObjectReference: String]
  ) async throws -> ObjectID? {
    do throws(GitError) {
      return try await reader.rollback(among: commits, of: running, desired)
    } catch {
      guard error.kind == .tooLarge else { throw error }
      logLimitedHistory(
        at: branch.goal, reason: error.message,
        effect: "a rollback in these commits is not found ahead; they are applied one after another",
        hint: "push fewer commits at once, or retry the upgrade that runs")
      return nil
    }
  }

  // MARK: - Adopting a head

  private func adopt(_ commit: ObjectID) async throws {
    let stored = try await reader.lastAttempted()
    if let lost = try await lostRevision(at: commit, branch.record.commit ?? stored) {
      return try await refuseRewritten(commit, lacking: lost)
    }
    let before = desired
    var next = desired
    let step = try await next.advance(to: commit, in: repository)
    desired = next
    guard step.isUsable else {
      if before.head == nil { try await resumeReporting(at: availableLastAttempted() ?? commit) }
      branch.refuseLayout(of: commit)
      await record(step.layoutFindings, of: RepositoryLayout.path, commit)
      for finding in step.layoutFindings { log(finding) }
      return
    }
    branch.follow()
    await record(step.layoutFindings, of: RepositoryLayout.path, commit)
    await send(.head(commit, desired.layout))
    do {
      let count = try await enqueue(step, of: commit, before)
      try await storeLastAttempted(commit, insteadOf: stored)
      logger.info("head.fetched", metadata: ["commit": "\(commit.short)", "changed": "\(count)"])
    } catch {
      // All or nothing: on an error the next pass starts from the old state.
      desired = before
      throw error
    }
    await endApproval(at: commit, before)
  }

  /// The last attempted revision, if a commit lacks it and no administrator has approved the commit; otherwise nil.
  private func lostRevision(at commit: ObjectID, _ lastAttempted: ObjectID?) async throws -> ObjectID? {
    guard let lastAttempted, lastAttempted != commit, !settings.acceptsRewrittenHistory,
      branch.approval.head != commit, try await !reader.isPart(lastAttempted, of: commit)
    else { return nil }
    return lastAttempted
  }

  /// Enqueues the objects that a head changes.
  ///
  /// - Parameter before: the desired state until then.
  /// - Returns: the number of those objects.
  private func enqueue(
    _ step: DesiredState.Step, of commit: ObjectID, _ before: DesiredState
  ) async throws -> Int {
    let changes = changes(of: step, before)
    var origins: [ObjectReference: ObjectID] = [:]
    var attributedToHead = 0
    for object in changes.objects {
      let origin = origin(of: object, in: step, commit, before)
      origins[object] = origin.commit
      if origin.mayBeEarlier { attributedToHead += 1 }
    }
    for path in changes.files {
      let found = step.latest(of: [path])
      let isOfHead = found == nil && (step.isComplete || step.commits.end != nil)
      if isOfHead, step.commits.end != nil { attributedToHead += 1 }
      try await recordFile(path, found ?? (isOfHead ? commit : nil), at: commit)
    }
    if let end = step.commits.end { report(end, attributedToHead, at: commit) }
    pending.insert(changes, origins: origins)
    // Drift can be detected only now that the desired state is known.
    if step.isComplete { for object in liveState.objects.values { detectEdit(object) } }
    if before.head == nil { try await resumeReporting(at: commit) }
    return changes.objects.count
  }

  /// The objects and files to judge because of a head.
  private func changes(of step: DesiredState.Step, _ before: DesiredState) -> Changes {
    var changes = step.changes
    if step.isComplete {
      changes.objects.formUnion(liveState.applied.references)
      changes.objects = changes.objects.filter { !isInSync($0) || blocked[$0] != nil }
      changes.files = changes.files.filter { !desired.snapshot.findings(in: $0.wrappedValue).isEmpty }
      if branch.steps?.isResumed == true {
        changes.objects = changes.objects.filter { liveState.objects[$0] != nil }
      }
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
    return changes
  }

  /// The commit that changed an object. History is searched once for all files; an object without a result is
  /// attributed to the head.
  ///
  /// - Returns: `mayBeEarlier` is true if the search ended before it found the commit.
  private func origin(
    of object: ObjectReference, in step: DesiredState.Step, _ commit: ObjectID, _ before: DesiredState
  ) -> (commit: ObjectID?, mayBeEarlier: Bool) {
    // A file may have been moved since the object was applied from it.
    var paths = desired.snapshot.sources(of: object).map(\.path)
    if paths.isEmpty, let path = before.source(of: object)?.path { paths = [path] }
    if paths.isEmpty, let path = liveState.objects[object]?.annotation(Wire.Annotation.path) {
      paths = [path]
    }
    let found = step.latest(of: paths.map { ExactString($0) })
    let mayBeEarlier = found == nil && step.commits.end != nil && step.changes.objects.contains(object)
    let origin =
      found ?? (mayBeEarlier && !step.isComplete ? commit : nil) ?? blocked[object]?.commit
      ?? (step.isComplete ? commit : nil)
    return (origin, mayBeEarlier)
  }

  /// Reports a file that could not be read under its commit, as an object is reported.
  private func recordFile(_ path: ExactString, _ known: ObjectID?, at head: ObjectID) async throws {
    let name = path.wrappedValue
    let findings = desired.snapshot.findings(in: name).filter { $0.severity == .error && $0.object == nil }
    var commit = known
    if commit == nil { commit = try await lastCommit(of: name, at: head) }
    let earlier = pending.setFile(path, brokenBy: findings.isEmpty ? nil : commit ?? head)
    if settings.isAtomic, let earlier { pending.insert(blocked.objects(of: [earlier])) }
    await record(findings, of: name, commit ?? head)
  }
}
