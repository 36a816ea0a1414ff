import DesiredState
import Diagnostics
import GitStore
import KubeDirector

/// Reads the commits of the followed branch, and the refs that the local repository keeps for it.
struct BranchReader: Sendable {
  let repository: GitRepository
  let branch: String

  /// The maximum number of commits that are applied one after another; a longer history is applied as one change.
  private static let stepLimit = 10_000

  // MARK: Refs

  /// The ref that stores the last attempted revision, in case the cluster has no record. Refs of a remote are never
  /// fetched to this place.
  static func lastAttemptedRef(_ branch: String) -> String { "refs/kdops/worked/\(branch)" }

  /// The ref that stores the approved head. Approved deletions may have to wait for an upgrade, so the approval must
  /// survive a restart of the daemon.
  private var approvalRef: String { "refs/kdops/confirmed/\(branch)" }

  /// The last attempted revision that the local repository stores.
  func lastAttempted() async throws(GitError) -> ObjectID? {
    try await repository.target(of: Self.lastAttemptedRef(branch))
  }

  func storeLastAttempted(_ commit: ObjectID, insteadOf old: ObjectID?) async throws(GitError) {
    guard old != commit else { return }
    try await repository.updateRef(Self.lastAttemptedRef(branch), to: commit, expecting: old)
  }

  func approvedHead() async throws(GitError) -> ObjectID? { try await repository.target(of: approvalRef) }

  func storeApproval(of commit: ObjectID) async throws(GitError) {
    let before = try await repository.target(of: approvalRef)
    if before != commit { try await repository.updateRef(approvalRef, to: commit, expecting: before) }
  }

  func dropApproval(of commit: ObjectID) async throws(GitError) {
    guard try await repository.target(of: approvalRef) == commit else { return }
    try await repository.updateRef(approvalRef, to: nil, expecting: commit)
  }

  // MARK: Commits

  /// Whether a commit is this head or one of its ancestors. A head is fetched with all its history, so a commit that
  /// the local repository lacks is not an ancestor.
  func isPart(_ commit: ObjectID, of head: ObjectID) async throws(GitError) -> Bool {
    guard try await repository.has(commit) else { return false }
    return try await repository.isAncestor(commit, of: head)
  }

  /// Lists the commits from the last attempted revision to the head. If there is none, the sequence starts at the newest
  /// commit that a live object came from.
  ///
  /// - Parameters:
  ///   - applied: the commit that this daemon reconciled last.
  ///   - lastAttempted: the revision that an earlier daemon attempted last.
  ///   - known: the commits of live objects.
  func steps(
    to head: ObjectID, from applied: ObjectID?, lastAttempted: ObjectID?, known: Set<ObjectID>
  ) async throws(GitError) -> StepwiseHistory {
    if let applied {
      return StepwiseHistory(target: head, commits: try await commits(from: applied, to: head) ?? [head])
    }
    if let lastAttempted {
      let commits = try await commits(from: lastAttempted, to: head)
      return StepwiseHistory(target: head, commits: commits.map { [lastAttempted] + $0 } ?? [head])
    }
    let log = try await repository.firstParentLog(from: nil, to: head, limit: Self.stepLimit).commits
    guard !known.isEmpty, let start = log.lastIndex(where: { known.contains($0.id) }) else {
      return StepwiseHistory(target: head, commits: [head])
    }
    return StepwiseHistory(target: head, commits: log[start...].map(\.id), isResumed: true)
  }

  private func commits(from base: ObjectID, to head: ObjectID) async throws(GitError) -> [ObjectID]? {
    let log = try await repository.firstParentLog(from: base, to: head, limit: Self.stepLimit)
    return log.reachedBase ? log.commits.map(\.id) : nil
  }

  /// The first of these commits that rolls a running upgrade back.
  ///
  /// - Parameters:
  ///   - running: the clusters that are being upgraded, with their previous apps.
  ///   - desired: the state of the commit before the first one.
  /// - Throws: an error of kind `.tooLarge` if the commits exceed the limits of a search.
  func rollback(
    among commits: [ObjectID], of running: [ObjectReference: String], _ desired: DesiredState
  ) async throws(GitError) -> ObjectID? {
    var search = RollbackSearch()
    for commit in commits {
      for (reference, prevApp) in running {
        if try await search.asks(for: prevApp, of: reference, at: commit, desired, in: repository) {
          return commit
        }
      }
    }
    return nil
  }
}
