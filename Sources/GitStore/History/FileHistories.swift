import CLibgit2
import Values

/// The earlier versions of many files along first parents, found in one walk through history that each query
/// continues.
///
/// Each commit is compared once, for all files together, and all comparisons share their limits.
public struct FileHistories: Sendable {
  private let selection: PathSelection
  private var budget: TreeBudget
  private var commitsLeft: Int
  /// The current tree of the walk, and the next older commit; nil at the end of the history, or once a limit is
  /// exceeded.
  private var position: (tree: ObjectID, parent: ObjectID)?
  /// The state of each file before each change, newest first.
  private var versions: [ExactString: [Version]] = [:]

  /// Whether a limit ended the walk before the end of the history.
  public private(set) var isCut = false

  /// The state of a path in an earlier commit.
  public enum Version: Sendable, Hashable {
    case blob(ObjectID)
    /// There was no file at the path.
    case absent
  }

  /// - Parameters:
  ///   - commit: where the walk begins; its own versions of the files are not earlier ones.
  ///   - selection: the files that may be asked for.
  ///   - limits: the limits of all comparisons together.
  ///   - depth: the most commits to visit.
  init(
    from commit: CommitInfo, _ selection: PathSelection, limits: TreeLimits, depth: Int
  ) {
    self.selection = selection
    budget = TreeBudget(limits)
    commitsLeft = depth
    position = commit.parents.first.map { (commit.tree, $0) }
  }

  /// An earlier version of a file.
  ///
  /// - Parameters:
  ///   - number: 0 for the newest of them.
  ///   - path: a selected path.
  /// - Returns: nil if the walk found no such version.
  mutating func version(
    _ number: Int, of path: String, in handle: RepositoryHandle
  ) throws(GitError) -> Version? {
    let path = ExactString(path)
    while true {
      if let known = versions[path], known.count > number { return known[number] }
      guard let (tree, parent) = position else { return nil }
      guard commitsLeft > 0 else {
        isCut = true
        return nil
      }
      try step(from: tree, to: parent, in: handle)
    }
  }

  /// Compares the current tree with an older commit, and moves to that commit.
  private mutating func step(
    from tree: ObjectID, to parent: ObjectID, in handle: RepositoryHandle
  ) throws(GitError) {
    commitsLeft -= 1
    let older: CommitInfo
    do throws(GitError) {
      older = try handle.commit(parent, &budget)
    } catch {
      guard budget.isSpent || error.kind == .malformed || error.kind == .tooLarge else { throw error }
      return cut()
    }
    position = older.parents.first.map { (older.tree, $0) }
    do throws(GitError) {
      for change in try handle.changes(from: older.tree, to: tree, selection, &budget) {
        let version = change.old.flatMap { $0.isFile ? Version.blob($0.id) : nil } ?? .absent
        versions[ExactString(change.path), default: []].append(version)
      }
    } catch {
      guard error.kind == .malformed || error.kind == .tooLarge else { throw error }
      // An unreadable commit is skipped: a later commit has repaired the tree.
      position = older.parents.first.map { (tree, $0) }
      if budget.isSpent || error.isExhausted { cut() }
    }
  }

  private mutating func cut() {
    (position, isCut) = (nil, true)
  }
}
