import GitStore
import Signatures

/// The way from what was accepted to a head: one step for each commit along first parents, the oldest first.
struct Approach {
  struct Step {
    var commit: ObjectID
    /// All commits that come with it and not before: its own last, before it those that it merges.
    var brings: [ObjectID]
  }

  /// Where the way begins; nil where it begins with history itself.
  var base: ObjectID?
  var steps: [Step]
}

/// What keeps a head, or a part of the way to it, from being followed.
struct Withheld: Hashable {
  /// The commit whose signature is missing or wrong.
  var commit: ObjectID
  /// Why, as it follows the commit: `is not signed`.
  var reason: String
  /// The keys or the programs could not be read; nothing is wrong with the commit that is known.
  var isUnknown: Bool
}

/// How far a branch is followed.
struct Trust {
  /// The head that was fetched.
  var head: ObjectID
  /// The newest commit that may be taken in; nil for none.
  var goal: ObjectID?
  /// Nil where all is taken in.
  var withheld: Withheld?
}

extension Approach {
  /// Walks as far as signatures allow. How many commits come in one fetch makes no difference to where that ends.
  ///
  /// - Parameters:
  ///   - answersForAll: a signed commit answers for all before it; else each one for itself.
  ///   - limit: how many steps are looked at where the newest signed one is looked for.
  ///   - judge: what is found of a commit's signature.
  func walk(
    answersForAll: Bool, limit: Int = 1000, _ judge: @Sendable (ObjectID) async throws -> SignatureVerdict
  ) async rethrows -> (goal: ObjectID?, withheld: Withheld?) {
    answersForAll ? try await walkBack(limit, judge) : try await walkOn(judge)
  }

  private func walkOn(
    _ judge: @Sendable (ObjectID) async throws -> SignatureVerdict
  ) async rethrows -> (goal: ObjectID?, withheld: Withheld?) {
    var goal: ObjectID?
    for step in steps {
      for commit in step.brings {
        if let withheld = Withheld(commit, try await judge(commit)) { return (goal, withheld) }
      }
      goal = step.commit
    }
    return (goal, nil)
  }

  private func walkBack(
    _ limit: Int, _ judge: @Sendable (ObjectID) async throws -> SignatureVerdict
  ) async rethrows -> (goal: ObjectID?, withheld: Withheld?) {
    var withheld: Withheld?
    for step in steps.reversed().prefix(limit) {
      guard let found = Withheld(step.commit, try await judge(step.commit)) else {
        return (step.commit, withheld)
      }
      withheld = withheld ?? found
    }
    return (nil, withheld)
  }
}

extension Withheld {
  /// Nil for a signature that is good.
  fileprivate init?(_ commit: ObjectID, _ verdict: SignatureVerdict) {
    switch verdict {
    case .good: return nil
    case .refused(let reason): self.init(commit: commit, reason: reason, isUnknown: false)
    case .unknown(let reason): self.init(commit: commit, reason: reason, isUnknown: true)
    }
  }
}
