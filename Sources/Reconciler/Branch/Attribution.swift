import GitStore
import Logging
import Values

/// Finds the commit that brought each changed file: the last commit along first parents that changed it. The status
/// note of that commit reports the change, and it is the commit that a person would revert.
enum Attribution {
  /// The maximum number of commits of one fetch that are examined; older changes are attributed to the newest commit.
  static let depth = 500
  /// The limits of all trees of these commits together. Each commit alone may have a tree just below the limits of one.
  static let limits = TreeLimits(names: 4_000_000)

  struct Found {
    var byPath: [ExactString: ObjectID] = [:]
    /// The order of the commits; the higher number is the later commit.
    var order: [ObjectID: Int] = [:]
    /// Why the search ended early; nil if it examined every commit, so that a path that was not found did not change.
    var end: HistoryEnd?
  }

  /// Attributes every selected path that changed.
  ///
  /// - Parameters:
  ///   - base: the head that was reconciled before; nil if there was none, so that all of history counts.
  ///   - head: the head that was judged.
  /// - Returns: the commit of every selected path that changed. A path whose commit was not found, because there are too
  ///   many changes or a tree cannot be read, is missing; the newest commit stands for it.
  static func commits(
    of selection: PathSelection, from base: ObjectID?, to head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> Found {
    let log = try await repository.firstParentLog(from: base, to: head, limit: depth)
    var found = Found()
    for (number, commit) in log.commits.enumerated() { found.order[commit.id] = number }
    let changes = try await repository.lastChanges(
      by: log.commits, since: base, selection, budget: SharedTreeBudget(limits))
    found.byPath = changes.byPath
    let oldest = log.reachedBase ? nil : log.commits.first
    found.end = changes.end ?? (oldest?.parents.isEmpty == false ? oldest.map { .depth($0.id) } : nil)
    return found
  }
}

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
    of path: String, at head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> ObjectID? {
    let version = try await versions(of: path, from: head, limit: 1, in: repository).first
    return version.flatMap { $0.mayBeOlder ? nil : $0.commit }
  }

  /// The versions of a file, newest first, as far as they are found within the limits.
  func versions(
    of path: String, from commit: ObjectID, limit: Int, in repository: GitRepository
  ) async throws(GitError) -> [FileVersion] {
    let question = FileSearches.Question(path: path, commit: commit, limit: limit)
    let head = desired.head
    if let known = fileSearches.answer(to: question, at: head) { return known }
    let budget = fileSearches.begin(at: head)
    let found = try await repository.fileHistory(
      path, from: commit, limit: limit, depth: Attribution.depth, budget: budget)
    if fileSearches.keep(found, for: question, at: head) {
      logger.warning(
        "history.limited",
        metadata: [
          "commit": "\(commit.short)", "reason": "\(HistoryEnd.limit(commit).words)",
          "effect":
            "the earlier versions of \(path) and of other files are not searched further for this head",
          "hint": "\(HistoryEnd.hint)",
        ])
    }
    return found
  }

  /// Logs that changes of a head are attributed to it because the search for their commits ended early.
  func report(_ end: HistoryEnd, _ count: Int, at head: ObjectID) {
    guard count > 0 else { return }
    logger.warning(
      "history.limited",
      metadata: [
        "commit": "\(head.short)", "reason": "\(end.words)",
        "effect":
          "\(count) changed objects or files are reported under \(head.short), though an earlier commit may have changed them",
        "hint": "\(HistoryEnd.hint)",
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
