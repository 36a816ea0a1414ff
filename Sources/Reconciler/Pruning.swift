import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Layout
import Rules
import StatusWriter

// What is gone from git goes from the cluster only where nothing speaks for a mistake.
extension Reconciler {
  /// Takes back deletions that an administrator has to confirm first, or that are none: those of objects whose file
  /// is still there, those that take more than half of the clusters at once, and those of clusters that are not what
  /// we applied.
  func spare(_ outcome: inout [Judged], at head: ObjectID, in repository: GitRepository) async throws {
    for index in outcome.indices
    where outcome[index].change == .delete && outcome[index].verdict == .accepted {
      if let path = try await fileLeftBehind(outcome[index].reference, at: head, in: repository) {
        // The file's own commit has nothing to do with it.
        outcome[index].commit =
          try await Attribution.commit(of: RepositoryLayout.path, at: head, in: repository) ?? head
        outcome[index].spare(
          "its file \(path) is still there, though \(RepositoryLayout.path) no longer makes this object of it",
          hint: "delete the file as well, or put \(RepositoryLayout.path) back")
      }
    }
    // With pruning on, the judge keeps a cluster only where a file that is new and broken may hold it.
    for index in outcome.indices
    where settings.policy.prune && outcome[index].change == .delete && outcome[index].verdict == .orphaned {
      outcome[index].spare(
        "a new file that cannot be read may hold it", hint: "mend that file, or remove it")
    }
    guard outcome.contains(where: \.isPrune) else { return }
    let clusters = living.applied.references.filter { $0.kind == Wire.clusterKind }
    let gone = clusters.filter { !desired.snapshot.holds($0) }
    let isTooMuch = gone.count * 2 > clusters.count && confirmed != head
    for index in outcome.indices where outcome[index].isPrune {
      if isTooMuch {
        outcome[index].spare(
          gone.count == clusters.count
            ? "this would delete every cluster, \(gone.count) in all"
            : "this would delete \(gone.count) of \(clusters.count) clusters at once",
          hint: "confirm it by `kdops sync --accept \(head.short)`, or put the files back")
      } else if let live = outcome[index].live, !stamp.holds(live.json) {
        outcome[index].spare(
          "somebody edited it, and it was not put back yet", hint: "nothing to do: it is looked at again")
        isRetrying = true
        toJudge.objects.insert(outcome[index].reference)
      }
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
  fileprivate mutating func spare(_ reason: String, hint: String) {
    verdict = .waiting
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message: "\(reference) is kept: \(reason)", hint: hint))
  }
}
