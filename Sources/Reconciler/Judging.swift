import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Rules
import StatusWriter
import Values

// From what changed to verdicts, and from verdicts to objects.
extension Reconciler {
  /// What is judged, before anything is done about it.
  struct Judged {
    var reference: ObjectReference
    var change: ChangeKind
    var verdict: Verdict
    var findings: [Diagnostic]
    var commit: ObjectID
    /// The object on which the judgement was made.
    var live: Object?

    /// Whether it lets a cluster, and with it what only that cluster keeps, go.
    var isPrune: Bool { change == .delete && reference.kind == Wire.clusterKind && verdict == .accepted }

    /// Apps come before the clusters that need them; what goes, goes last, clusters before their apps.
    var turn: Int {
      let isApp = reference.kind == Wire.appKind
      return change == .delete ? (isApp ? 3 : 2) : (isApp ? 0 : 1)
    }
  }

  func judge(in repository: GitRepository) async throws {
    guard !toJudge.objects.isEmpty || !toJudge.files.isEmpty, let head = desired.head else { return }
    var changes = toJudge
    // What somebody made of an object is no base to judge on.
    changes.objects.subtract(drifted)
    if settings.isAtomic { changes.objects.formUnion(companions(of: changes.objects).subtracting(drifted)) }
    toJudge = Changes(objects: toJudge.objects.intersection(drifted))
    barred.subtract(changes.objects)
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

  /// What is held by now was not, when something changed that it had been waiting for.
  private func judgeAgainWhatWasTouched() {
    let touched = meanwhile ?? [:]
    meanwhile = nil
    for (reference, before) in touched { judgeAgain(after: reference, before: before) }
  }

  private func judge(_ changes: Changes, _ head: ObjectID, in repository: GitRepository) async throws {
    let texts = try await read(changes, in: repository)
    var snapshot = desired.snapshot
    snapshot.contents = { texts[ExactString($0)] }
    let (base, live) = ground(of: changes.objects)
    meanwhile = [:]
    let judgement = Judge.judge(
      JudgeRequest(base: base, head: snapshot, changed: changes, live: live, policy: settings.policy))
    // The cluster goes on meanwhile: what is applied is applied over what was judged, or judged again.
    let judged = Dictionary(
      uniqueKeysWithValues: judgement.objects.map { ($0.reference, living.objects[$0.reference]) })
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
    try await spare(&outcome, at: head, in: repository)
    if settings.isAtomic { bind(&outcome) }
    for one in outcome where one.verdict != .accepted {
      try Task.checkCancellation()
      if one.verdict == .unchanged {
        await settle(one, texts, in: repository)
      } else {
        await hold(one, in: repository)
        await rollBackFirst(one, in: repository)
      }
    }
    let accepted = outcome.filter { $0.verdict == .accepted }
    for one in accepted.sorted(by: { ($0.turn, $0.reference) < ($1.turn, $1.reference) }) {
      try Task.checkCancellation()
      for warning in one.findings where warning.severity == .warning { log(warning) }
      await apply(one, texts, in: repository)
    }
  }

  /// The text of every file that is about to be judged: for places, and for what is applied.
  private func read(_ changes: Changes, in repository: GitRepository) async throws -> [ExactString: [UInt8]] {
    let paths = desired.paths(of: changes.objects).union(changes.files).filter { desired.blobs[$0] != nil }
      .sorted()
    let blobs = paths.compactMap { desired.blobs[$0] }
    let contents = try await repository.readBlobs(blobs, limit: ManifestLimits.standard.bytes) {
      _, content -> [UInt8] in
      // Nothing of a file that is too large is judged, so nobody asks for its text.
      guard case .bytes(let bytes) = content else { return [] }
      return Array(bytes)
    }
    return Dictionary(uniqueKeysWithValues: zip(paths, contents))
  }

  private func commit(
    of reference: ObjectReference, _ head: ObjectID, in repository: GitRepository
  ) async throws -> ObjectID {
    if let known = commitOf.removeValue(forKey: reference) ?? held[reference]?.commit { return known }
    let path =
      desired.source(of: reference)?.path ?? living.objects[reference]?.annotation(Wire.Annotation.path)
    guard let path else { return head }
    return try await Attribution.commit(of: path, at: head, in: repository) ?? head
  }

  /// Somebody else's object, unless git says that it is to be taken over.
  private func foreign(_ reference: ObjectReference) -> Diagnostic? {
    guard let live = living.objects[reference], desired.snapshot.holds(reference) else { return nil }
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

  /// What a cluster that is taken over would wait for is nobody's to bring to an end.
  private func restless(_ reference: ObjectReference) -> Diagnostic {
    Diagnostic(
      rule: ObjectOwner.id, severity: .error,
      location: desired.source(of: reference).map { SourceLocation(file: $0.path) }, object: reference,
      message:
        "\(reference) cannot be taken over and changed at once: it is not at rest, and no installation owns it",
      hint: "write into its file what it is, so that it is taken over as it is; change it by a later commit")
  }

  /// Nothing to do. A change that was held is thereby withdrawn; a file that was moved or spelt anew is noted, so that
  /// nobody takes it for gone later. An object that nobody vouches for is applied, so that somebody does.
  private func settle(_ one: Judged, _ texts: [ExactString: [UInt8]], in repository: GitRepository) async {
    let reference = one.reference
    if let live = living.objects[reference], let path = desired.source(of: reference)?.path,
      let blob = desired.blob(at: path)
    {
      let refused = resisting[reference]?.applied
      guard stamp.holds(live.json), refused == nil else {
        var again = one
        again.change = refused.flatMap { ChangeKind(rawValue: $0.origin.change) } ?? .metadata
        return await apply(again, texts, in: repository)
      }
      do throws(APIError) {
        vouched[reference] = nil
        put(try await applier.note(path: path, blob: blob.hex, on: live), reference)
      } catch {
        retry(reference, after: error)
      }
    }
    seen.insert(reference)
    // It may have been no change that was refused, but to put back what is there again.
    let wasRefused = held[reference]?.isRefused == true
    held[reference] = nil
    guard await !findOut(reference, orPutBack: wasRefused, in: repository) else { return }
    book.withdraw(reference, by: one.commit)
  }

  /// Puts down to its commit a change that was applied though the answer was lost. What was done on behalf of a commit,
  /// such as a rollback for the third app that waits for it, is not that commit's change.
  ///
  /// - Parameter wasPutBack: true where it was applied in any case.
  /// - Returns: false where what was judged last is not what lives.
  @discardableResult
  private func findOut(
    _ reference: ObjectReference, orPutBack wasPutBack: Bool = false, in repository: GitRepository
  ) async -> Bool {
    let change = living.objects[reference]?.annotation(Wire.Annotation.change) ?? ""
    guard let commit = book.candidate(of: reference),
      living.objects[reference]?.annotation(Wire.Annotation.commit) == commit.hex,
      wasPutBack || book.report(of: reference)?.change == change
    else { return false }
    await record(ObjectReport.applied(reference, change), of: commit, in: repository)
    return true
  }

  /// Neither git nor the cluster has it any more.
  private func settleGone(_ reference: ObjectReference, _ head: ObjectID, in repository: GitRepository) async
  {
    held[reference] = nil
    guard let commit = book.candidate(of: reference), let report = book.report(of: reference) else { return }
    // Whoever deleted it, and whether or not he was answered, it is what git wanted.
    guard report.change == ChangeKind.delete.rawValue, report.phase == .waiting else {
      return book.withdraw(reference, by: head)
    }
    var done = ObjectReport.applied(reference, report.change)
    done.phase = .done
    await record(done, of: commit, in: repository)
  }

  private func hold(_ one: Judged, in repository: GitRepository) async {
    let (reference, verdict, commit) = (one.reference, one.verdict, one.commit)
    let isNews = held[reference]?.verdict != verdict || held[reference]?.commit != commit
    // Before a later commit takes its place.
    if book.candidate(of: reference) != commit, held[reference]?.isRefused != true {
      await findOut(reference, in: repository)
    }
    let telling = one.findings.filter { $0.severity != .warning }
    // Those that were judged, whatever has come since.
    let circumstances = one.live.map { Circumstances($0, ClusterStatus($0.json["status"])) }
    held[reference] = Held(
      verdict: verdict, commit: commit, rules: Set(telling.map(\.rule)), apps: apps(of: reference),
      circumstances: circumstances)
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
      kind: reference.kind, namespace: reference.namespace, name: reference.name, change: one.change.rawValue,
      verdict: verdict.rawValue, phase: phase, rules: telling.map(\.rule).uniqued, message: message)
    await record(report, of: commit, in: repository)
    seen.insert(reference)
    guard isNews else { return }
    logger.log(
      level: verdict == .rejected ? .warning : .info, "object.\(verdict.rawValue)",
      metadata: [
        "object": "\(reference)", "change": "\(one.change.rawValue)", "commit": "\(commit.short)",
        "reason": "\(message ?? "")",
      ])
  }

  /// Says of a change that may be applied that it is not known to be: else its commit would seem to be done with what
  /// else it changes.
  private func tell(_ change: Judged, unanswered error: APIError, in repository: GitRepository) async {
    let reference = change.reference
    let report = ObjectReport(
      kind: reference.kind, namespace: reference.namespace, name: reference.name,
      change: change.change.rawValue, verdict: Verdict.waiting.rawValue, phase: .waiting,
      rules: ["\(Held.refusals)\(error.kind.rawValue)"],
      message: "the cluster gave no answer: \(error.message); it is tried again by itself")
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

  /// Whether the file that a cluster was applied from asks for its volumes to go with it. What stands on the live
  /// object may be anybody's; and where the file cannot be read, they stay.
  private func asksForVolumes(_ live: Object, in repository: GitRepository) async -> Bool {
    guard let origin = Provenance(of: live),
      let document = await document(of: live.reference, from: origin, in: repository)
    else { return false }
    return document["metadata"]?["annotations"]?[Wire.Annotation.deleteVolumes]?.string == "true"
  }

  private func apply(_ change: Judged, _ texts: [ExactString: [UInt8]], in repository: GitRepository) async {
    let reference = change.reference
    let live = change.live
    guard living.objects[reference]?.resourceVersion == live?.resourceVersion else {
      commitOf[reference] = change.commit
      toJudge.objects.insert(reference)
      return look()
    }
    do throws(APIError) {
      if change.change == .delete {
        if let live { try await delete(live, in: repository) }
      } else {
        guard let source = desired.source(of: reference), let blob = desired.blob(at: source.path),
          let text = texts[ExactString(source.path)], let document = desired.document(of: reference, in: text)
        else { return }
        let before = change.change == .metadata ? live.flatMap(Provenance.init(of:)) : nil
        let provenance = Provenance(
          commit: change.commit.hex, blob: blob.hex, path: source.path, change: change.change.rawValue,
          specCommit: before?.specCommit)
        // Where no answer comes, whatever is there next is what we applied, or what it was before.
        vouched[reference] = nil
        put(try await applier.apply(document, over: live, provenance), reference)
      }
    } catch {
      let isStale = error.kind == (live == nil ? .alreadyExists : .notFound)
      // Who we are is nothing that a commit could mend.
      guard error.isTransient || isStale || error.kind == .unauthorized else {
        var refusal = Diagnostic(
          rule: "\(Held.refusals)\(error.kind.rawValue)", severity: .error, object: reference,
          message: error.message)
        if isKept(reference), change.verdict == .unchanged {
          refusal.message = "somebody edited it, and it cannot be put back: \(error.message)"
        }
        // A permission or a namespace that is missing is nothing that a commit mends, so it is tried again.
        let lacksNamespace = error.kind == .notFound && live == nil
        let mayCome = error.kind == .forbidden || lacksNamespace
        if mayCome { refusal.severity = .waiting }
        refusal.hint =
          if lacksNamespace {
            "kubectl create namespace \(reference.namespace), or name another in the file; it is tried again by itself"
          } else if mayCome {
            "an administrator has to allow it (kdops install --export); it is tried again by itself"
          } else {
            "the cluster refused it; mend the file"
          }
        var refused = change
        refused.verdict = mayCome ? .waiting : .rejected
        refused.findings = [refusal]
        await hold(refused, in: repository)
        if mayCome {
          commitOf[reference] = change.commit
          barred.insert(reference)
          warn(reference, error)
        }
        return
      }
      commitOf[reference] = change.commit
      if error.kind != .conflict, !isStale { await tell(change, unanswered: error, in: repository) }
      retry(reference, after: error)
      return
    }
    held[reference] = nil
    let isCluster = reference.kind == Wire.clusterKind
    // What had ended by now is told before this commit takes the cluster over.
    if isCluster, let live { follow(live) }
    let report = ObjectReport.applied(reference, change.change.rawValue)
    await record(report, of: change.commit, in: repository)
    seen.insert(reference)
    // The watch has no news of what we wrote ourselves.
    judgeAgain(after: reference)
    if !toJudge.objects.isEmpty { look() }
    logger.info(
      "object.applied",
      metadata: [
        "object": "\(reference)", "kind": "\(reference.kind)", "change": "\(change.change.rawValue)",
        "commit": "\(change.commit.short)",
      ])
  }
}
