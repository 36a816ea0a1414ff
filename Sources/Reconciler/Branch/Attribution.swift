import GitStore
import Values

/// Finds the commit that brought each changed file: the last commit along first parents that changed it. The status
/// note of that commit reports the change, and it is the commit that a person would revert.
enum Attribution {
  /// The maximum number of commits of one fetch that are examined; older changes are attributed to the newest commit.
  private static let depth = 500
  /// The limits of all trees of these commits together. Each commit alone may have a tree just below the limits of one.
  private static let limits = TreeLimits(names: 4_000_000)

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
  /// - Returns: the commit of every selected path that changed. A path whose commit was not found, because there are too
  ///   many changes or a tree cannot be read, is missing; the newest commit stands for it.
  static func commits(
    of selection: PathSelection, from base: ObjectID?, to head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> Found {
    let log = try await repository.firstParentLog(from: base, to: head, limit: depth)
    var found = Found()
    for (number, commit) in log.commits.enumerated() { found.order[commit.id] = number }
    found.byPath = try await repository.lastChanges(by: log.commits, since: base, selection, limits: limits)
    return found
  }

  /// The commit that gave one file its present content; nil if history does not show it.
  static func commit(
    of path: String, at head: ObjectID, in repository: GitRepository
  ) async throws(GitError) -> ObjectID? {
    try await repository.fileHistory(path, from: head, limit: 1, depth: depth).first?.commit
  }
}
