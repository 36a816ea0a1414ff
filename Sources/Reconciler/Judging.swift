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

// Turns changes into verdicts, and applies accepted changes to objects.
extension Reconciler {
  /// A judged change, before it is carried out.
  struct Judged {
    var reference: ObjectReference
    var change: ChangeKind
    var verdict: Verdict
    var findings: [Diagnostic]
    var commit: ObjectID
    /// The live object that was judged.
    var live: Object?

    /// Whether this change prunes a cluster.
    var isPrune: Bool { change == .delete && reference.kind == Wire.clusterKind && verdict == .accepted }

    /// The order of application: apps before the clusters that need them; deletions last, clusters before their apps.
    var turn: Int {
      let isApp = reference.kind == Wire.appKind
      return change == .delete ? (isApp ? 3 : 2) : (isApp ? 0 : 1)
    }
  }

  func judge(in repository: GitRepository) async throws {
    guard !toJudge.objects.isEmpty || !toJudge.files.isEmpty, let head = desired.head else { return }
    var changes = toJudge
    // An edited object is not a valid baseline to judge against.
    changes.objects.subtract(drifted)
    if settings.isAtomic { changes.objects.formUnion(companions(of: changes.objects).subtracting(drifted)) }
    toJudge = Changes(objects: toJudge.objects.intersection(drifted))
    forbidden.subtract(changes.objects)
    unadoptable.subtract(changes.objects)
    let origins = commitOf
    do {
      try await judge(changes, head, in: repository)
      judgeAgainWhatWasTouched()
    } catch {
      meanwhile = nil
      toJudge.formUnion(changes)
      commitOf.merge(origins) { now, _ in now }
      throw error
    }
  }

  /// Enqueues blocked changes again if something that they wait for changed while they were being judged.
  private func judgeAgainWhatWasTouched() {
    let touched = meanwhile ?? [:]
    meanwhile = nil
    for (reference, before) in touched { judgeAgain(after: reference, before: before) }
  }

  private func judge(_ changes: Changes, _ head: ObjectID, in repository: GitRepository) async throws {
    let reader = repository.reader.withCommonLimit()
    let locations = LocationFiles(desired.blobs, reader)
    var snapshot = desired.snapshot
    snapshot.contents = { locations.bytes($0) }
    let files = ParsedFiles(reader, defaultNamespace: desired.layout.defaultNamespace)
    let (base, live) = baseline(of: changes.objects)
    meanwhile = [:]
    let judgement = Judge.judge(
      JudgeRequest(base: base, head: snapshot, changed: changes, live: live, policy: settings.policy))
    try locations.check()
    // The cluster changes during the judgement: a change is applied over the version that was judged, or judged again.
    let judged = Dictionary(
      uniqueKeysWithValues: judgement.objects.map { ($0.reference, liveState.objects[$0.reference]) })
    let findings = Dictionary(grouping: judgement.findings.filter { $0.object != nil }, by: { $0.object })
    for finding in judgement.findings where finding.object == nil { log(finding) }
    var outcome: [Judged] = []
    for verdict in judgement.objects {
      let reference = verdict.reference
      var one = Judged(
        reference: reference, change: verdict.change, verdict: verdict.verdict,
        findings: findings[reference] ?? [], commit: try await commit(of: reference, head, in: repository),
        live: judged[reference] ?? nil)
      if let foreign = foreign(reference) {
        one.verdict = .rejected
        one.findings.append(foreign)
      } else if isAdopted(reference), let live = one.live, live.kind == Wire.clusterKind,
        let obstacle = await obstacle(toAdopting: live)
      {
        one = obstructed(one, by: obstacle)
      } else if one.verdict == .waiting, isAdopted(reference), reference.kind == Wire.clusterKind {
        one.verdict = .rejected
        one.findings.insert(restless(reference), at: 0)
      }
      outcome.append(one)
    }
    for reference in changes.objects.subtracting(outcome.map(\.reference)) {
      await settleGone(reference, head, in: repository)
    }
    judgements += outcome.count
    try await applyPruneGuard(&outcome, at: head, in: repository)
    if settings.isAtomic { applyAtomicCommitGuard(&outcome) }
    for one in outcome where one.verdict != .accepted {
      try Task.checkCancellation()
      if one.verdict == .unchanged {
        try await settle(one, files, in: repository)
      } else {
        await hold(one, in: repository)
        await rollBackFirst(one, in: repository)
      }
    }
    for one in inOrder(outcome.filter { $0.verdict == .accepted }) {
      try Task.checkCancellation()
      for warning in one.findings where warning.severity == .warning { log(warning) }
      if let app = pendingApp(of: one) {
        await hold(waiting(one, for: app), in: repository)
      } else if let cluster = pendingCluster(of: one) {
        await hold(waiting(one, forDeletionOf: cluster), in: repository)
      } else {
        try await apply(one, files, in: repository)
      }
    }
  }

  /// The object as its file has it; nil if the file does not contain it. Only one file is in memory at a time.
  private func document(
    of reference: ObjectReference, at path: String, _ files: ParsedFiles, in repository: GitRepository
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
    of reference: ObjectReference, _ head: ObjectID, in repository: GitRepository
  ) async throws -> ObjectID {
    if let known = commitOf.removeValue(forKey: reference) ?? blocked[reference]?.commit { return known }
    let path =
      desired.source(of: reference)?.path ?? liveState.objects[reference]?.annotation(Wire.Annotation.path)
    guard let path else { return head }
    return try await lastCommit(of: path, at: head, in: repository) ?? head
  }

  /// A finding if the object belongs to another owner and git does not ask to adopt it.
  private func foreign(_ reference: ObjectReference) -> Diagnostic? {
    guard let live = liveState.objects[reference], desired.snapshot.holds(reference) else { return nil }
    let owner = live.label(Wire.Label.source)
    guard owner != settings.policy.installation, !isAdopted(reference) else { return nil }
    if owner == nil, isKept(reference) { return nil }
    return Diagnostic(
      rule: ObjectOwner.id, severity: .error,
      location: desired.source(of: reference).map { SourceLocation(file: $0.path) }, object: reference,
      message: owner.map { "\(reference) belongs to the installation \($0)" }
        ?? "\(reference) is there already, and no installation owns it",
      hint: owner == nil
        ? "add the annotation \(Wire.Annotation.adopt): \"true\" to take it over"
        : "remove it from one of the two repositories")
  }

  /// A finding for a cluster that is to be adopted and changed while it is not in a final state: no installation would
  /// complete what the change has to wait for.
  private func restless(_ reference: ObjectReference) -> Diagnostic {
    Diagnostic(
      rule: ObjectOwner.id, severity: .error,
      location: desired.source(of: reference).map { SourceLocation(file: $0.path) }, object: reference,
      message:
        "\(reference) cannot be taken over and changed at once: it is not at rest, and no installation owns it",
      hint: "write into its file what it is, so that it is taken over as it is; change it by a later commit")
  }

  /// Handles an unchanged object. A blocked change of it is withdrawn. The file's new path or spelling is recorded, so
  /// that a later pass does not treat the object as removed. An object without a valid stamp is applied again to get
  /// one.
  private func settle(_ one: Judged, _ files: ParsedFiles, in repository: GitRepository)
    async throws(GitError)
  {
    let reference = one.reference
    if let live = liveState.objects[reference], let path = desired.source(of: reference)?.path,
      let blob = desired.blob(at: path)
    {
      let refused = driftConflicts[reference]?.applied
      guard stamp.holds(live.json), refused == nil else {
        var again = one
        again.change = refused?.origin.change ?? .metadata
        return try await apply(again, files, in: repository)
      }
      do throws(APIError) {
        lastApplied[reference] = nil
        put(try await applier.note(path: path, blob: blob.hex, on: live), reference)
      } catch {
        retry(reference, after: error)
      }
    }
    dirtyClusters.insert(reference)
    // The refused write may have been a drift correction of a state that is back now, not a change.
    let wasRefused = blocked[reference]?.isRefused == true
    blocked[reference] = nil
    releaseChanges(waitingFor: reference)
    guard await !findOut(reference, orPutBack: wasRefused, in: repository) else { return }
    ledger.withdraw(reference, by: one.commit)
  }

  /// Attributes to its commit a change that was applied although the API server's answer was lost. A change made on
  /// behalf of a commit, such as a rollback for the third app that waits, does not count as that commit's change.
  ///
  /// - Parameter wasPutBack: true if the object was applied in any case.
  /// - Returns: false if the change that was judged last is not the live state.
  @discardableResult
  private func findOut(
    _ reference: ObjectReference, orPutBack wasPutBack: Bool = false, in repository: GitRepository
  ) async -> Bool {
    let change = liveState.objects[reference]?.changeKind
    guard let commit = ledger.candidate(of: reference),
      liveState.objects[reference]?.annotation(Wire.Annotation.commit) == commit.hex,
      wasPutBack || ledger.report(of: reference)?.change == change
    else { return false }
    await record(ObjectReport.applied(reference, change ?? .none), of: commit, in: repository)
    return true
  }

  /// Handles an object that is neither in git nor in the cluster any more.
  private func settleGone(_ reference: ObjectReference, _ head: ObjectID, in repository: GitRepository) async
  {
    blocked[reference] = nil
    guard let commit = ledger.candidate(of: reference), let report = ledger.report(of: reference) else {
      return
    }
    // The desired state is reached, whoever deleted the object and even if the API server's answer was lost.
    guard report.change == .delete, report.phase == .waiting else {
      return ledger.withdraw(reference, by: head)
    }
    var done = ObjectReport.applied(reference, report.change)
    done.phase = .done
    await record(done, of: commit, in: repository)
  }

  private func hold(_ one: Judged, in repository: GitRepository) async {
    let (reference, verdict, commit) = (one.reference, one.verdict, one.commit)
    let isNews = blocked[reference]?.verdict != verdict || blocked[reference]?.commit != commit
    // Must run before a later commit replaces the candidate.
    if ledger.candidate(of: reference) != commit, blocked[reference]?.isRefused != true {
      await findOut(reference, in: repository)
    }
    let telling = one.findings.filter { $0.severity != .warning }
    // The fingerprint of the judged object, even if the object has changed since.
    let fingerprint = one.live.map { LiveFingerprint($0, ClusterStatus($0.json["status"])) }
    blocked[reference] = BlockedObject(
      verdict: verdict, commit: commit, rules: Set(telling.map(\.rule)), apps: apps(of: reference),
      fingerprint: fingerprint)
    let phase: Phase =
      switch verdict {
      case .rejected: .rejected
      case .waiting: .waiting
      case .orphaned, .accepted, .unchanged: .done
      }
    let message =
      verdict == .orphaned && telling.isEmpty
      ? "kept running: its file is gone, and pruning is off" : telling.first?.sentence
    let report = ObjectReport(
      kind: reference.kind, namespace: reference.namespace, name: reference.name, change: one.change,
      verdict: verdict, phase: phase, rules: telling.map(\.rule).uniqued, message: message)
    await record(report, of: commit, in: repository)
    dirtyClusters.insert(reference)
    releaseChanges(waitingFor: reference)
    guard isNews else { return }
    logger.log(
      level: verdict == .rejected ? .warning : .info, "object.\(verdict.rawValue)",
      metadata: [
        "object": "\(reference)", "change": "\(one.change.rawValue)", "commit": "\(commit.short)",
        "reason": "\(message ?? "")",
      ])
  }

  /// Reports a change as waiting if the API server did not answer. Otherwise its commit would seem to be done once its
  /// other changes are.
  private func tell(_ change: Judged, unanswered error: APIError, in repository: GitRepository) async {
    let reference = change.reference
    let report = ObjectReport(
      kind: reference.kind, namespace: reference.namespace, name: reference.name,
      change: change.change, verdict: .waiting, phase: .waiting,
      rules: ["\(BlockedObject.refusals)\(error.kind.rawValue)"],
      message: "the cluster gave no answer: \(error.message); it is retried automatically")
    await record(report, of: change.commit, in: repository)
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

  // MARK: - Applying

  private func delete(_ live: Object, in repository: GitRepository) async throws(APIError) {
    if live.kind == Wire.clusterKind {
      let isAsked = await asksForVolumes(live, in: repository)
      try await applier.settleVolumes(of: live, isAsked: isAsked)
      if isAsked { logger.notice("volumes.deleted", metadata: ["object": "\(live.reference)"]) }
    }
    try await applier.delete(live, live.reference.resource)
  }

  /// Whether the file that a cluster was applied from asks for its volumes to be deleted. Annotations of the live
  /// object do not count because anyone may have set them; if the file cannot be read, the volumes are kept.
  private func asksForVolumes(_ live: Object, in repository: GitRepository) async -> Bool {
    guard let origin = Provenance(of: live),
      let document = await document(of: live.reference, from: origin, in: repository)
    else { return false }
    return document["metadata"]?["annotations"]?[Wire.Annotation.deleteVolumes]?.string == "true"
  }

  private func apply(_ change: Judged, _ files: ParsedFiles, in repository: GitRepository)
    async throws(GitError)
  {
    let reference = change.reference
    let live = change.live
    var document: JSON?
    if change.change != .delete, let path = desired.source(of: reference)?.path {
      document = try await self.document(of: reference, at: path, files, in: repository)
    }
    guard liveState.objects[reference]?.resourceVersion == live?.resourceVersion else {
      commitOf[reference] = change.commit
      toJudge.objects.insert(reference)
      return enqueue()
    }
    do throws(APIError) {
      if change.change == .delete {
        if let live { try await delete(live, in: repository) }
      } else {
        guard let source = desired.source(of: reference), let blob = desired.blob(at: source.path),
          let document
        else { return }
        let before = change.change == .metadata ? live.flatMap(Provenance.init(of:)) : nil
        let provenance = Provenance(
          commit: change.commit.hex, blob: blob.hex, path: source.path, change: change.change,
          specCommit: before?.specCommit)
        // If no answer comes, the next observed state is either what was applied or what was there before.
        lastApplied[reference] = nil
        put(try await applier.apply(document, over: live, provenance), reference)
      }
    } catch {
      let isStale = error.kind == (live == nil ? .alreadyExists : .notFound)
      // No commit can correct the daemon's own credentials.
      guard error.isTransient || isStale || error.kind == .unauthorized else {
        var refusal = Diagnostic(
          rule: "\(BlockedObject.refusals)\(error.kind.rawValue)", severity: .error, object: reference,
          message: error.message)
        if isKept(reference), change.verdict == .unchanged {
          refusal.message = "it was edited outside of git, and the edit cannot be reverted: \(error.message)"
        }
        // No commit can add a missing permission or namespace, so the write is retried.
        let lacksNamespace = error.kind == .notFound && live == nil
        let mayCome = error.kind == .forbidden || lacksNamespace
        if mayCome { refusal.severity = .waiting }
        refusal.hint =
          if lacksNamespace {
            "kubectl create namespace \(reference.namespace), or name another in the file; it is retried automatically"
          } else if mayCome {
            "an administrator has to allow it (kdops install --export); it is retried automatically"
          } else {
            "the API server refused it; correct the file"
          }
        var refused = change
        refused.verdict = mayCome ? .waiting : .rejected
        refused.findings = [refusal]
        await hold(refused, in: repository)
        if mayCome {
          commitOf[reference] = change.commit
          forbidden.insert(reference)
          warn(reference, error)
        }
        return
      }
      commitOf[reference] = change.commit
      if error.kind != .conflict, !isStale { await tell(change, unanswered: error, in: repository) }
      retry(reference, after: error)
      return
    }
    blocked[reference] = nil
    let isCluster = reference.kind == Wire.clusterKind
    // Update the report of the earlier commit before this commit supersedes it.
    if isCluster, let live { follow(live) }
    let report = ObjectReport.applied(reference, change.change)
    await record(report, of: change.commit, in: repository)
    dirtyClusters.insert(reference)
    // The watch sends no event for the daemon's own write.
    judgeAgain(after: reference)
    if !toJudge.objects.isEmpty { enqueue() }
    logger.info(
      "object.applied",
      metadata: [
        "object": "\(reference)", "kind": "\(reference.kind)", "change": "\(change.change.rawValue)",
        "commit": "\(change.commit.short)",
      ])
  }
}
