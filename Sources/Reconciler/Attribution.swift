import GitStore
import Values

/// Finds the commit that brought each changed file: the last commit along first parents that changed it. The status
/// note of that commit reports the change, and it is the commit that a person would revert.
enum Attribution {
  /// The maximum number of commits of one fetch that are examined; older changes are attributed to the newest commit.
  private static let depth = 500

  struct Found {
    var byPath: [ExactString: ObjectID] = [:]
    /// The order of the commits; the higher number is the later commit.
    var order: [ObjectID: Int] = [:]
  }

  /// Attributes every selected path that changed.
  ///
  /// - Parameters:
  ///   - base: the head that was reconciled before; nil if there was none, so that all of history counts.
  ///   - head: the head that was judged.
  /// - Returns: the commit of every selected path that changed.
  static func commits(
    of selection: PathSelection, from base: ObjectID?, to head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> Found {
    let log = try await repository.firstParentLog(from: base, to: head, limit: depth)
    var found = Found()
    var before: ObjectID? = base
    var unread = 0
    for (number, commit) in log.commits.enumerated() {
      found.order[commit.id] = number
      if let changes = try await changes(of: commit, after: before, selection, in: repository) {
        for change in changes { found.byPath[ExactString(change.path)] = commit.id }
      } else {
        // This commit may have changed any file. Paths that no later commit changes are attributed to the newest
        // commit.
        found.byPath = [:]
        unread += 1
        if unread > unreadAtMost { return found }
      }
      before = commit.id
    }
    return found
  }

  /// The maximum number of unreadable commits. Each one can take as long as the tree limits allow.
  private static let unreadAtMost = 3

  /// The changes of one commit; nil if its tree cannot be read or is too large. A later commit may have corrected the
  /// tree.
  private static func changes(
    of commit: CommitInfo, after before: ObjectID?, _ selection: PathSelection, in repository: GitRepository
  ) async throws(GitError) -> [TreeChange]? {
    do throws(GitError) {
      return try await repository.diff(base: commit.parents.first ?? before, head: commit.id, selection)
    } catch {
      guard error.kind == .tooLarge || error.kind == .malformed else { throw error }
      return nil
    }
  }

  /// The commit that gave one file its present content; nil if history does not show it.
  static func commit(
    of path: String, at head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> ObjectID? {
    try await repository.fileHistory(path, from: head, limit: 1, depth: depth).first?.commit
  }
}
