import GitStore
import KubeDirector
import Signatures

/// Checks the signatures of the commits up to a head.
struct SignatureVerification: Sendable {
  let repository: GitRepository
  let checker: any SignatureChecker
  let stamp: Stamp
  /// Whether the signature of a commit also covers its ancestors (`verify: head`).
  let answersForAll: Bool

  /// The commits to check.
  struct Request {
    var head: ObjectID
    /// The last attempted revision, if the local repository has it.
    var lastAttempted: ObjectID?
    /// The commits of live objects with a valid stamp. These commits and their ancestors were accepted before, even if
    /// the local repository is new.
    var accepted: Set<ObjectID>

    fileprivate var bases: [ObjectID] { lastAttempted.map { [$0] } ?? Array(accepted) }
  }

  /// Checks the commits of a range.
  func check(_ range: CommitRange, _ request: Request) async throws -> SignatureCheck {
    let head = request.head
    guard !range.steps.isEmpty else { return SignatureCheck(head: head, goal: head) }
    // If no commit was accepted yet, there is no range: the newest signed commit covers the commits before it.
    let (goal, unverified) = try await range.stepwise(
      answersForAll: answersForAll || request.bases.isEmpty
    ) {
      try Task.checkCancellation()
      return try await verdict(on: $0)
    }
    return SignatureCheck(
      head: head, goal: try await withoutLosses(goal, request, range.base), unverified: unverified)
  }

  /// The commits that no accepted commit contains.
  func range(_ request: Request) async throws(GitError) -> CommitRange {
    let bases = request.bases
    let new = Set(try await repository.commits(from: [request.head], hiding: bases))
    var chain: [ObjectID] = []
    var base: ObjectID? = request.head
    var parents: [ObjectID: [ObjectID]] = [:]
    while let commit = base, new.contains(commit) {
      chain.append(commit)
      let found = try await repository.commitInfo(commit).parents
      parents[commit] = found
      base = found.first
    }
    var range = CommitRange(base: base, steps: [])
    for commit in chain.reversed() {
      var commits = [commit]
      if let merged = parents[commit], merged.count > 1 {
        commits = try await repository.commits(from: [commit], hiding: bases + [merged[0]])
      }
      range.steps.append(CommitRange.Step(commit: commit, commits: commits))
    }
    return range
  }

  private func verdict(on commit: ObjectID) async throws(GitError) -> SignatureVerdict {
    let signature = try await repository.signature(of: commit)
    var text = signature?.payload
    if text == nil { text = try await repository.commitText(commit) }
    if let text, DaemonCommit.isOurs(text, stamp) { return .good("kdops") }
    return await checker.check(signature)
  }

  /// The goal, or the commit that was accepted before if the goal does not contain it.
  private func withoutLosses(
    _ goal: ObjectID?, _ request: Request, _ base: ObjectID?
  ) async throws(GitError) -> ObjectID? {
    let head = request.head
    if let lastAttempted = request.lastAttempted {
      guard let goal, goal != head else { return goal ?? lastAttempted }
      // If the head itself lacks the commit, history was rewritten, which is handled elsewhere.
      if try await repository.isAncestor(lastAttempted, of: goal) { return goal }
      return try await repository.isAncestor(lastAttempted, of: head) ? lastAttempted : goal
    }
    guard let goal = goal ?? (request.accepted.isEmpty ? nil : base) else { return nil }
    var known: [ObjectID] = []
    for commit in request.accepted where (try? await repository.commitInfo(commit)) != nil {
      known.append(commit)
    }
    guard !known.isEmpty, goal != head else { return goal }
    return try await repository.commits(from: known, hiding: [goal], limit: 1).isEmpty ? goal : nil
  }
}
