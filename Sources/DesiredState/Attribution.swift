import GitStore
import Values

/// Finds the commit responsible for each changed file: the last commit along first parents that changed the file.
/// That commit's status note reports the change, and a person would revert that commit.
public enum Attribution {
  /// The maximum number of commits of one fetch that are examined; older changes are attributed to the newest commit.
  public static let depth = 500
  /// The limits of all trees of these commits together. Each commit alone may have a tree just below the limits of one.
  public static let limits = TreeLimits(names: 4_000_000)

  public struct Found: Sendable {
    public var byPath: [ExactString: ObjectID] = [:]
    /// The order of the commits; the higher number is the later commit.
    public var order: [ObjectID: Int] = [:]
    /// Why the search ended early; nil if it examined every commit, so that a path that was not found did not change.
    public var end: HistoryEnd?
  }

  /// Attributes every selected path that changed.
  ///
  /// - Parameters:
  ///   - base: the head that was reconciled before; nil if there was none, so that all of history counts.
  ///   - head: the head that was judged.
  /// - Returns: the commit of every selected path that changed. A path whose commit was not found, because there are
  ///   too many changes or a tree cannot be read, is missing; it is attributed to the newest commit.
  public static func commits(
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
