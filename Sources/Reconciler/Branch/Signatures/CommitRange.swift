import GitStore
import Signatures

/// The commits from the accepted base to a head: one step for each commit along first parents, oldest first.
struct CommitRange {
  struct Step {
    var commit: ObjectID
    /// All commits that this step adds to the history: its own commit last, after the commits that it merges.
    var commits: [ObjectID]
  }

  /// The commit before the first step; nil if the first step is a root commit.
  var base: ObjectID?
  var steps: [Step]
}

/// The unverified commit that keeps a head, or some of the commits before it, from being followed.
struct UnverifiedCommit: Hashable {
  /// The commit whose signature is missing or wrong.
  var commit: ObjectID
  /// The reason, phrased to follow the commit id: `is not signed`.
  var reason: String
  /// True if the keys or the programs could not be read; the commit itself may be correct.
  var isUnknown: Bool
}

extension CommitRange {
  /// Advances as far as the signatures allow. The result does not depend on how many commits arrive in one fetch.
  ///
  /// - Parameters:
  ///   - answersForAll: true if a signed commit covers all commits before it; otherwise each commit needs its own
  ///     signature.
  ///   - limit: how many steps are searched for the newest signed commit.
  ///   - judge: returns the verdict on a commit's signature.
  func stepwise(
    answersForAll: Bool, limit: Int = 1000, _ judge: @Sendable (ObjectID) async throws -> SignatureVerdict
  ) async rethrows -> (goal: ObjectID?, unverified: UnverifiedCommit?) {
    answersForAll ? try await walkBack(limit, judge) : try await walkOn(judge)
  }

  private func walkOn(
    _ judge: @Sendable (ObjectID) async throws -> SignatureVerdict
  ) async rethrows -> (goal: ObjectID?, unverified: UnverifiedCommit?) {
    var goal: ObjectID?
    for step in steps {
      for commit in step.commits {
        if let unverified = UnverifiedCommit(commit, try await judge(commit)) { return (goal, unverified) }
      }
      goal = step.commit
    }
    return (goal, nil)
  }

  private func walkBack(
    _ limit: Int, _ judge: @Sendable (ObjectID) async throws -> SignatureVerdict
  ) async rethrows -> (goal: ObjectID?, unverified: UnverifiedCommit?) {
    var unverified: UnverifiedCommit?
    for step in steps.reversed().prefix(limit) {
      guard let found = UnverifiedCommit(step.commit, try await judge(step.commit)) else {
        return (step.commit, unverified)
      }
      unverified = unverified ?? found
    }
    return (nil, unverified)
  }
}

extension UnverifiedCommit {
  /// Nil for a valid signature.
  fileprivate init?(_ commit: ObjectID, _ verdict: SignatureVerdict) {
    switch verdict {
    case .good: return nil
    case .refused(let reason): self.init(commit: commit, reason: reason, isUnknown: false)
    case .unknown(let reason): self.init(commit: commit, reason: reason, isUnknown: true)
    }
  }
}
