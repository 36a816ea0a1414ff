import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import Signatures

// The signature gate: follows commits only as far as the administrator's signature policy allows.
extension Reconciler {
  /// The commit up to which the branch is followed: its head, or the last one that the signatures allow.
  ///
  /// Called in every pass. Signatures are verified again if the head has changed and, while a commit is blocked, after
  /// each fetch, because a key may have been added.
  func trusted(_ head: ObjectID, in repository: GitRepository) async throws -> ObjectID? {
    guard settings.verify != .none, let checker = settings.checker else { return head }
    if let signatureGate, signatureGate.head == head, !isSignatureCheckDue { return signatureGate.goal }
    isSignatureCheckDue = false
    let now =
      approvedHead == head
      ? SignatureGate(head: head, goal: head) : try await judgeSignatures(head, checker, in: repository)
    try await tell(now, instead: signatureGate, in: repository)
    signatureGate = now
    return now.goal
  }

  private func judgeSignatures(
    _ head: ObjectID, _ checker: any SignatureChecker, in repository: GitRepository
  ) async throws -> SignatureGate {
    let lastAttempted = try await lastAttemptedAtHand(in: repository)
    let bases = lastAttempted.map { [$0] } ?? Array(accepted)
    let range = try await range(to: head, from: bases, in: repository)
    guard !range.steps.isEmpty else { return SignatureGate(head: head, goal: head) }
    if range.steps.count >= Self.longWay {
      logger.info("signatures.checking", metadata: ["commits": "\(range.steps.count)"])
    }
    // If no commit was accepted yet, there is no range: the newest signed commit covers the commits before it.
    let (goal, unverified) = try await range.stepwise(
      answersForAll: settings.verify == .head || bases.isEmpty
    ) {
      try Task.checkCancellation()
      return try await self.signature(of: $0, checker, in: repository)
    }
    let kept = try await kept(goal, head, range.base, lastAttempted, bases, in: repository)
    return SignatureGate(head: head, goal: kept, unverified: unverified)
  }

  /// The number of steps from which a signature check is logged.
  private static let longWay = 500

  /// The commits of live objects with a valid stamp. These commits and their ancestors were accepted before, even if
  /// the local repository is new.
  private var accepted: Set<ObjectID> {
    liveState.commits.filter { commit in
      liveState.objects(of: commit).contains { liveState.objects[$0].map { stamp.holds($0.json) } ?? false }
    }
  }

  private func range(
    to head: ObjectID, from bases: [ObjectID], in repository: GitRepository
  ) async throws -> CommitRange {
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
    var range = CommitRange(base: base, steps: [])
    for commit in chain.reversed() {
      var brings = [commit]
      if let merged = parents[commit], merged.count > 1 {
        let before = bases + [merged[0]]
        brings = try await repository.commits(from: [commit], hiding: before)
      }
      range.steps.append(CommitRange.Step(commit: commit, brings: brings))
    }
    return range
  }

  private func signature(
    of commit: ObjectID, _ checker: any SignatureChecker, in repository: GitRepository
  ) async throws -> SignatureVerdict {
    let signature = try await repository.signature(of: commit)
    var text = signature?.payload
    if text == nil { text = try await repository.commitText(commit) }
    if let text, DaemonCommit.isOurs(text, stamp) { return .good("kdops") }
    return await checker.check(signature)
  }

  /// The goal, unless it would leave out a commit that was accepted before; then the accepted commit.
  private func kept(
    _ goal: ObjectID?, _ head: ObjectID, _ base: ObjectID?, _ lastAttempted: ObjectID?, _ bases: [ObjectID],
    in repository: GitRepository
  ) async throws -> ObjectID? {
    if let lastAttempted {
      guard let goal, goal != head else { return goal ?? lastAttempted }
      // If the head itself lacks the commit, history was rewritten, which is handled elsewhere.
      if try await repository.isAncestor(lastAttempted, of: goal) { return goal }
      return try await repository.isAncestor(lastAttempted, of: head) ? lastAttempted : goal
    }
    guard let goal = goal ?? (bases.isEmpty ? nil : base) else { return nil }
    var known: [ObjectID] = []
    for base in bases where (try? await repository.commitInfo(base)) != nil { known.append(base) }
    guard !known.isEmpty, goal != head else { return goal }
    return try await repository.commits(from: known, hiding: [goal], limit: 1).isEmpty ? goal : nil
  }
}
