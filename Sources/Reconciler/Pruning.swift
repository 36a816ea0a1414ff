import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Layout
import Rules
import StatusWriter

// What is gone from git goes from the cluster only where nothing speaks for a mistake.
extension Reconciler {
  /// Takes back deletions that an administrator has to confirm first, or that are none: those of objects that are not
  /// what we applied, those of objects whose file is still there, and those that take more than half of the clusters
  /// at once.
  func spare(_ outcome: inout [Judged], at head: ObjectID, in repository: GitRepository) async throws {
    // With pruning on, the judge keeps a cluster only where a file that is new and broken may hold it.
    for index in outcome.indices
    where settings.policy.prune && outcome[index].change == .delete && outcome[index].verdict == .orphaned {
      outcome[index].spare(
        "a new file that cannot be read may hold it", hint: "mend that file, or remove it")
    }
    for index in outcome.indices
    where outcome[index].change == .delete && outcome[index].verdict == .accepted {
      let reference = outcome[index].reference
      if drifted.contains(reference) {
        // Edited just now: it is put back first, and then judged again.
        outcome[index].spare("somebody edited it", hint: "nothing to do: it is looked at again")
        toJudge.objects.insert(reference)
      } else if let live = outcome[index].live, !stamp.holds(live.json) {
        outcome[index].orphan()
      } else if let path = try await fileLeftBehind(reference, at: head, in: repository) {
        // The file's own commit has nothing to do with it.
        outcome[index].commit =
          try await Attribution.commit(of: RepositoryLayout.path, at: head, in: repository) ?? head
        outcome[index].spare(
          "its file \(path) is still there, though \(RepositoryLayout.path) no longer makes this object of it",
          hint: "delete the file as well, or put \(RepositoryLayout.path) back")
      }
    }
    guard outcome.contains(where: \.isPrune) else { return }
    let clusters = living.applied.references.filter { $0.kind == Wire.clusterKind }
    let missing = clusters.filter { !desired.snapshot.holds($0) }
    let gone = missing.filter { living.objects[$0].map { stamp.holds($0.json) } ?? false }
    // What nobody applied is none of ours, and counts on neither side.
    let all = clusters.count - (missing.count - gone.count)
    guard gone.count * 2 > all, confirmed != head else { return }
    for index in outcome.indices where outcome[index].isPrune {
      outcome[index].spare(
        gone.count == all
          ? "this would delete every cluster, \(gone.count) in all"
          : "this would delete \(gone.count) of \(all) clusters at once",
        hint: "confirm it by `kdops sync --accept \(head.short)`, or put the files back")
    }
  }

  /// Says that an administrator has seen what this commit would do: follows it although history was rewritten or
  /// signatures are missing, and deletes what was held back.
  ///
  /// - Parameter sha: the commit's id, or at least 7 digits of it.
  /// - Returns: false where that is not the head that was fetched last, and nothing was done.
  @discardableResult
  public func accept(_ sha: String) async -> Bool {
    guard sha.utf8.count >= 7,
      let commit = [fetched, desired.head].compactMap(\.self).first(where: { $0.hex.hasPrefix(sha) })
    else { return false }
    confirmed = commit
    isConfirmationRead = true
    isTrustDue = true
    if refused == commit { refused = nil }
    for (reference, held) in held where held.verdict == .waiting { toJudge.objects.insert(reference) }
    await keepConfirmation(commit)
    look()
    return true
  }

  /// Which commit of a branch was confirmed last, kept in our own copy, as the one that was worked off last is:
  /// deletions may have to wait for an upgrade, and outlive the daemon that was told.
  private var confirmedRef: String { "refs/kdops/confirmed/\(settings.branch)" }

  /// Keeps a confirmation for the next daemon. Where that fails this one heeds it all the same.
  private func keepConfirmation(_ commit: ObjectID) async {
    let repository = mirror.repository
    do {
      let before = try await repository.target(of: confirmedRef)
      if before != commit { try await repository.updateRef(confirmedRef, to: commit, expecting: before) }
    } catch {
      logger.warning(
        "confirmation.not-kept",
        metadata: ["commit": "\(commit.short)", "error": "\(error)", "hint": "confirm again after a restart"])
    }
  }

  /// Takes up, once, what was confirmed to an earlier daemon.
  func recallConfirmation(in repository: GitRepository) async throws {
    guard !isConfirmationRead else { return }
    let commit = try await repository.target(of: confirmedRef)
    // Somebody may have confirmed another one meanwhile.
    guard !isConfirmationRead else { return }
    (confirmed, isConfirmationRead) = (commit, true)
  }

  /// The file of an object that is gone by a change of the layout alone: it is there, and was not touched, or is no
  /// longer looked at.
  private func fileLeftBehind(
    _ reference: ObjectReference, at head: ObjectID, in repository: GitRepository
  ) async throws -> String? {
    guard let live = living.objects[reference], let path = live.annotation(Wire.Annotation.path),
      let entry = try await repository.entry(at: path, in: head)
    else { return nil }
    let isUntouched = entry.id.hex == live.annotation(Wire.Annotation.blob)
    return isUntouched || desired.blobs[path] == nil ? path : nil
  }
}

extension Reconciler.Judged {
  /// Nobody applied what it is: a copy with our label on it, or one of ours that could not be put back.
  fileprivate mutating func orphan() {
    verdict = .orphaned
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message: "\(reference) is kept: it bears our label, and is not what was applied from git",
        hint: "delete it by hand, or take the label \(Wire.Label.source) off"))
  }

  fileprivate mutating func spare(_ reason: String, hint: String) {
    verdict = .waiting
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message: "\(reference) is kept: \(reason)", hint: hint))
  }
}
