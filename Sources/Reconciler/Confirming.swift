import GitStore
import KubeDirector
import Logging
import StatusWriter

// What an administrator has seen and lets happen.
extension Reconciler {
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

  /// A confirmation is of one head: when another one is worked off, nobody who can bring that head back is to have it
  /// once more. What it allowed and what has not happened yet, such as a deletion that waits for an upgrade, it still
  /// allows.
  ///
  /// - Parameters:
  ///   - head: the one that is worked off now.
  ///   - before: what git wanted until then.
  func dropConfirmation(at head: ObjectID, _ before: Desired, in repository: GitRepository) async {
    allowed = allowed.filter { !desired.snapshot.holds($0) }
    guard let commit = confirmed, commit != head, commit != fetched, walk?.commits.contains(commit) != true
    else {
      return
    }
    if before.head == commit {
      let gone = living.applied.references.filter {
        $0.kind == Wire.clusterKind && !before.snapshot.holds($0) && !desired.snapshot.holds($0)
      }
      allowed.formUnion(gone)
    }
    confirmed = nil
    do {
      let kept = try await repository.target(of: confirmedRef)
      if kept == commit { try await repository.updateRef(confirmedRef, to: nil, expecting: commit) }
    } catch {
      logger.warning(
        "confirmation.not-dropped", metadata: ["commit": "\(commit.short)", "error": "\(error)"])
    }
  }
}
