import GitStore
import Values

/// Tells which commit brought each changed file: the last one along first parents that touched it. That is the
/// commit whose note speaks of it, and the one that a person would revert.
enum Attribution {
  /// How many commits of one fetch are told apart; what lies deeper is put down to the newest.
  private static let depth = 500

  struct Found {
    var byPath: [ExactString: ObjectID] = [:]
    /// Which of two commits came later.
    var order: [ObjectID: Int] = [:]
  }

  /// - Parameters:
  ///   - base: the head that was worked off before; nil where there was none, and all of history counts.
  ///   - head: the head that was judged.
  /// - Returns: the commit by path, of every selected path that changed.
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
        // It may have changed anything. What no later commit changes is put down to the newest.
        found.byPath = [:]
        unread += 1
        if unread > unreadAtMost { return found }
      }
      before = commit.id
    }
    return found
  }

  /// Each of them takes as long as the limits of a tree allow.
  private static let unreadAtMost = 3

  /// Nil for a commit whose tree cannot be read, or is too large. A later one may have put that right.
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

  /// The commit that gave one file its present content; nil where history does not tell.
  static func commit(
    of path: String, at head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> ObjectID? {
    try await repository.fileHistory(path, from: head, limit: 1, depth: depth).first?.commit
  }
}
