import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Rules
import Signatures
import StatusWriter

// Whose commits are followed: as far as the daemon's administrator asks for signatures.
extension Reconciler {
  /// What stands in reports for a commit as a whole.
  static let commitKind = "Commit"

  /// How far the branch is followed: to its head, or as far as its signatures allow.
  ///
  /// Asked in every round; signatures are looked at again where the head is another one, and where something is held
  /// with each fetch, because a key may have been added.
  func trusted(_ head: ObjectID, in repository: GitRepository) async throws -> ObjectID? {
    guard settings.verify != .none, let checker = settings.checker else { return head }
    if let trust, trust.head == head, !isTrustDue { return trust.goal }
    isTrustDue = false
    let now =
      confirmed == head
      ? Trust(head: head, goal: head) : try await judgeSignatures(head, checker, in: repository)
    try await tell(now, instead: trust, in: repository)
    trust = now
    return now.goal
  }

  private func judgeSignatures(
    _ head: ObjectID, _ checker: any SignatureChecker, in repository: GitRepository
  ) async throws -> Trust {
    let worked = try await lastWorkedAtHand(in: repository)
    let bases = worked.map { [$0] } ?? Array(accepted)
    let approach = try await approach(to: head, from: bases, in: repository)
    guard !approach.steps.isEmpty else { return Trust(head: head, goal: head) }
    if approach.steps.count >= Self.longWay {
      logger.info("signatures.checking", metadata: ["commits": "\(approach.steps.count)"])
    }
    // Where nothing was accepted yet there is no range: the newest signed commit answers for what lies before it.
    let (goal, withheld) = try await approach.walk(answersForAll: settings.verify == .head || bases.isEmpty) {
      try Task.checkCancellation()
      return try await self.signature(of: $0, checker, in: repository)
    }
    let kept = try await kept(goal, head, approach.base, worked, bases, in: repository)
    return Trust(head: head, goal: kept, withheld: withheld)
  }

  /// From how many steps on a look at signatures is worth a word.
  private static let longWay = 500

  /// The commits that objects of ours live by, as our own stamp says: with what lies before them they were accepted
  /// once. Our copy of the repository may be new; they are not.
  private var accepted: Set<ObjectID> {
    living.commits.filter { commit in
      living.objects(of: commit).contains { living.objects[$0].map { stamp.holds($0.json) } ?? false }
    }
  }

  private func approach(
    to head: ObjectID, from bases: [ObjectID], in repository: GitRepository
  ) async throws -> Approach {
    let new = Set(try await repository.commits(from: [head], hiding: bases))
    var chain: [ObjectID] = []
    var base: ObjectID? = head
    var parents: [ObjectID: [ObjectID]] = [:]
    while let commit = base, new.contains(commit) {
      chain.append(commit)
      let found = try await repository.commitInfo(commit).parents
      parents[commit] = found
      base = found.first
    }
    var approach = Approach(base: base, steps: [])
    for commit in chain.reversed() {
      var brings = [commit]
      if let merged = parents[commit], merged.count > 1 {
        let before = bases + [merged[0]]
        brings = try await repository.commits(from: [commit], hiding: before)
      }
      approach.steps.append(Approach.Step(commit: commit, brings: brings))
    }
    return approach
  }

  private func signature(
    of commit: ObjectID, _ checker: any SignatureChecker, in repository: GitRepository
  ) async throws -> SignatureVerdict {
    let signature = try await repository.signature(of: commit)
    var text = signature?.payload
    if text == nil { text = try await repository.commitText(commit) }
    if let text, OwnCommit.isOurs(text, stamp) { return .good("kdops") }
    return await checker.check(signature)
  }

  /// The goal, unless it would leave out something that was accepted before; then what was accepted.
  private func kept(
    _ goal: ObjectID?, _ head: ObjectID, _ base: ObjectID?, _ worked: ObjectID?, _ bases: [ObjectID],
    in repository: GitRepository
  ) async throws -> ObjectID? {
    if let worked {
      guard let goal, goal != head else { return goal ?? worked }
      // Where the head itself has left it out, history was rewritten, which is dealt with as ever.
      if try await repository.isAncestor(worked, of: goal) { return goal }
      return try await repository.isAncestor(worked, of: head) ? worked : goal
    }
    guard let goal = goal ?? (bases.isEmpty ? nil : base) else { return nil }
    var known: [ObjectID] = []
    for base in bases where (try? await repository.commitInfo(base)) != nil { known.append(base) }
    guard !known.isEmpty, goal != head else { return goal }
    return try await repository.commits(from: known, hiding: [goal], limit: 1).isEmpty ? goal : nil
  }
}
