import GitStore

/// The branch as it was fetched last.
struct FetchState {
  /// The effect of a successful fetch.
  struct Success {
    /// The number of fetches that had failed before.
    var failures: Int
    /// Problems with the refs of notes and statuses that are new.
    var newProblems: [RefProblem]
    /// Refs of notes and statuses that had a problem before.
    var usableRefs: [String]
  }

  /// The branch's head.
  private(set) var head: ObjectID?
  /// The error of the last fetch, or of reading what it fetched; nil if both succeeded.
  private(set) var problem: GitError?
  /// Problems with the refs of notes and statuses. No decision depends on these refs.
  private(set) var refProblems: [RefProblem] = []
  private var failures = 0
  private var number = 0
  private var needsCompaction = false

  mutating func succeed(_ head: ObjectID, _ problems: [RefProblem]) -> Success {
    let success = Success(
      failures: failures, newProblems: problems.filter { !refProblems.contains($0) },
      usableRefs: refProblems.map(\.ref).filter { ref in !problems.contains { $0.ref == ref } })
    if self.head != head { needsCompaction = true }
    (self.head, problem, failures, refProblems) = (head, nil, 0, problems)
    return success
  }

  /// - Returns: the number of fetches that had failed in a row before.
  mutating func fail(_ error: GitError) -> Int {
    problem = error
    defer { failures += 1 }
    return failures
  }

  /// Records that the fetched commits could not be read.
  mutating func cannotRead(_ error: GitError) { problem = error }

  /// Ends a fetch and starts the timer for the next one. The timer is void if another fetch ends first.
  ///
  /// - Returns: the timer's number.
  mutating func startTimer() -> Int {
    number += 1
    return number
  }

  /// Whether no other fetch has ended since the timer was started.
  func isCurrent(_ timer: Int) -> Bool { timer == number }

  /// Whether a fetch has added objects to the local repository since this was asked last.
  mutating func takeCompaction() -> Bool {
    defer { needsCompaction = false }
    return needsCompaction
  }
}
