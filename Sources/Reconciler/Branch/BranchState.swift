import GitStore

/// The followed branch: the fetched head, the commit up to which it is followed, and the reason why it is not
/// followed further.
struct BranchState {
  /// Whether the branch's head is followed.
  enum Head: Hashable {
    /// No head is refused. Can transition to: every other.
    case followed
    /// The head does not contain the last attempted revision. Can transition to: followed, by an approval or another
    /// head.
    case rewritten(ObjectID)
    /// The head's `.kdops.yaml` has errors. Can transition to: every other, by another head.
    case invalidLayout(ObjectID)
    /// Some data of the head cannot be read. Can transition to: every other, by another head.
    case unreadable(ObjectID)

    /// The head that is not followed.
    var refused: ObjectID? {
      switch self {
      case .followed: nil
      case .rewritten(let head), .invalidLayout(let head), .unreadable(let head): head
      }
    }
  }

  /// The next step towards the branch's goal.
  enum Step: Hashable {
    /// The goal is reached or refused, or work in progress must end first.
    case none
    /// This commit is applied next.
    case follow(ObjectID)
    /// The commits up to this one must be listed.
    case list(ObjectID)
    /// Work is in progress. One of these commits may end it by a rollback, which does not wait.
    case findRollback([ObjectID])
  }

  /// The fetched head, and the state of fetches.
  var fetch = FetchState()
  /// The last attempted revision as the cluster stores it.
  var record = LastAttemptedRecord.unread
  var approval = ApprovalState()
  var signatures = SignatureGate()
  /// The commits that are applied one after another; nil if they are applied together.
  var steps: StepwiseHistory?
  /// The searches through the history of files, with their limits for each head.
  var fileSearches = FileSearches()
  private(set) var head = Head.followed
  /// The commit up to which the branch is followed; the fetched head, unless signatures are required.
  private(set) var goal: ObjectID?
  private var reportedRewritten: ObjectID?
  private var reportedUnreadable: ObjectID?
  /// The head for which the local repository was checked for damage.
  private var repairedFor: ObjectID?

  /// Whether nothing of the branch is left to follow.
  ///
  /// - Parameter applied: the commit that was reconciled last.
  func isSettled(at applied: ObjectID?) -> Bool { goal == applied || goal == head.refused }

  /// Whether the goal is refused for a reason that only another commit can change.
  var needsCommit: Bool {
    switch head {
    case .followed, .rewritten: false
    case .invalidLayout(let head), .unreadable(let head): head == goal
    }
  }

  // MARK: The goal

  /// Sets the commit up to which the branch is followed.
  ///
  /// - Returns: a head that was reported as rewritten history and no longer blocks the branch.
  mutating func setGoal(_ goal: ObjectID?) -> ObjectID? {
    self.goal = goal
    guard goal != nil, goal != head.refused else { return nil }
    defer { reportedRewritten = nil }
    return reportedRewritten
  }

  /// The next step towards the goal.
  ///
  /// - Parameters:
  ///   - applied: the commit that was reconciled last; nil at the start.
  ///   - isStepwise: whether commits are applied one after another.
  ///   - isUnderWay: whether work is in progress that continues by itself; evaluated only if that decides.
  func nextStep(from applied: ObjectID?, isStepwise: Bool, isUnderWay: @autoclosure () -> Bool) -> Step {
    guard let goal, !isSettled(at: applied) else { return .none }
    guard isStepwise else { return .follow(goal) }
    guard let steps, steps.target == goal else { return .list(goal) }
    guard let next = steps.commits.first else { return .follow(goal) }
    return applied != nil && isUnderWay() ? .findRollback(steps.commits) : .follow(next)
  }

  // MARK: Heads

  /// Marks a commit as followed or refused.
  mutating func passed(_ commit: ObjectID) { steps?.pass(commit) }

  /// Follows a commit.
  mutating func follow() { head = .followed }

  mutating func refuseRewritten(_ commit: ObjectID) {
    (head, reportedRewritten) = (.rewritten(commit), commit)
  }

  mutating func refuseLayout(of commit: ObjectID) { head = .invalidLayout(commit) }

  /// - Returns: an earlier head that was reported as unreadable.
  mutating func refuseUnreadable(_ commit: ObjectID) -> ObjectID? {
    defer { (head, reportedUnreadable) = (.unreadable(commit), commit) }
    return reportedUnreadable == commit ? nil : reportedUnreadable
  }

  /// The head that was reported as unreadable and no longer blocks the branch, because another commit is followed.
  mutating func takeUnreadable(after commit: ObjectID) -> ObjectID? {
    guard head.refused != commit, reportedUnreadable != commit else { return nil }
    defer { reportedUnreadable = nil }
    return reportedUnreadable
  }

  /// Whether the local repository should be repaired because a head cannot be read. That is done once for each head: if
  /// the head is still unreadable then, the remote has the same damage.
  mutating func beginRepair(for head: ObjectID) -> Bool {
    guard repairedFor != head else { return false }
    repairedFor = head
    return true
  }

  // MARK: Approval

  /// The fetched or followed commit with this id.
  ///
  /// - Parameter sha: the id, or at least 7 digits of it.
  func commit(_ sha: String, applied: ObjectID?) -> ObjectID? {
    guard sha.utf8.count >= 7 else { return nil }
    return [fetch.head, applied].compactMap(\.self).first { $0.hex.hasPrefix(sha) }
  }

  /// Follows a commit although history was rewritten or signatures are missing, and lets it delete clusters.
  mutating func approve(_ commit: ObjectID) {
    approval.approve(commit)
    signatures.requestCheck()
    if head.refused == commit { head = .followed }
  }
}
