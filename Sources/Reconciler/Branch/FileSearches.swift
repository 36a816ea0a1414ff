import DesiredState
import GitStore
import Logging
import Values

/// The searches through the history of single files. All searches at one head share their limits, and each is made
/// once, however often its result is needed.
struct FileSearches {
  struct Question: Hashable {
    @ExactString var path: String
    var commit: ObjectID
    var limit: Int
  }

  private var head: ObjectID?
  private(set) var budget = SharedTreeBudget(Attribution.limits)
  private var answers: [Question: [FileVersion]] = [:]
  private var isReported = false

  func answer(to question: Question, at head: ObjectID?) -> [FileVersion]? {
    head == self.head ? answers[question] : nil
  }

  /// Starts with new limits if the head is another one.
  mutating func begin(at head: ObjectID?) -> SharedTreeBudget {
    guard head != self.head else { return budget }
    self = FileSearches()
    self.head = head
    return budget
  }

  /// - Returns: true the first time that the limits are exceeded at this head.
  mutating func keep(_ versions: [FileVersion], for question: Question, at head: ObjectID?) -> Bool {
    guard head == self.head else { return false }
    answers[question] = versions
    guard budget.isSpent, !isReported else { return false }
    isReported = true
    return true
  }
}

extension Reconciler {
  /// The commit that gave one file its present content; nil if history does not show it within the limits.
  func lastCommit(
    of path: String, at head: ObjectID
  ) async throws(GitError) -> ObjectID? {
    let version = try await versions(of: path, from: head, limit: 1).first
    return version.flatMap { $0.mayBeOlder ? nil : $0.commit }
  }

  /// The versions of a file, newest first, as far as they are found within the limits.
  func versions(
    of path: String, from commit: ObjectID, limit: Int
  ) async throws(GitError) -> [FileVersion] {
    let question = FileSearches.Question(path: path, commit: commit, limit: limit)
    let head = desired.head
    if let known = branch.fileSearches.answer(to: question, at: head) { return known }
    let budget = branch.fileSearches.begin(at: head)
    let found = try await repository.fileHistory(
      path, from: commit, limit: limit, depth: Attribution.depth, budget: budget)
    if branch.fileSearches.keep(found, for: question, at: head) {
      logLimitedHistory(
        at: commit, reason: HistoryEnd.limit(commit).words,
        effect: "the earlier versions of \(path) and of other files are not searched further for this head")
    }
    return found
  }

  /// Logs that changes of a head are attributed to it because the search for their commits ended early.
  func report(_ end: HistoryEnd, _ count: Int, at head: ObjectID) {
    guard count > 0 else { return }
    logLimitedHistory(
      at: head, reason: end.words,
      effect:
        "\(count) changed objects or files are reported under \(head.short), though an earlier commit may have changed them"
    )
  }

  /// Logs that a search through history ended at its limits.
  ///
  /// - Parameters:
  ///   - commit: the head that the search is for, or the commit at which it began.
  ///   - effect: what the daemon does without the result.
  func logLimitedHistory(
    at commit: ObjectID?, reason: String, effect: String, hint: String = HistoryEnd.hint
  ) {
    logger.warning(
      "history.limited",
      metadata: [
        "commit": "\(commit?.short ?? "")", "reason": "\(reason)", "effect": "\(effect)", "hint": "\(hint)",
      ])
  }
}

extension HistoryEnd {
  /// The reason as a sentence.
  fileprivate var words: String {
    switch self {
    case .depth(let commit):
      "only the newest \(Attribution.depth) commits are searched for the changes of one head, back to \(commit.short)"
    case .limit(let commit):
      "the folders of the commits back to \(commit.short) have more names or bytes than are read for one head"
    case .unreadable(let commit): "a folder of \(commit.short) or of the commit before it cannot be read"
    }
  }

  fileprivate static let hint =
    "what is applied does not depend on it; push fewer commits at once, and distribute folders with very many files over subfolders"
}
