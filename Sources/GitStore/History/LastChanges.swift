import Values

/// The last commit along first parents that changed each path, as far as a search found it.
public struct LastChanges: Sendable {
  public fileprivate(set) var byPath: [ExactString: ObjectID] = [:]
  /// Why the search ended early; nil if every commit was examined. Older commits may then have changed any path that
  /// was not found.
  public fileprivate(set) var end: HistoryEnd?
}

/// Why a search through history ended early.
public enum HistoryEnd: Sendable, Hashable {
  /// There are more commits than the limit; has the oldest commit that was examined.
  case depth(ObjectID)
  /// The limits were exceeded at this commit.
  case limit(ObjectID)
  /// The tree of this commit, or of its parent, is malformed or too large.
  case unreadable(ObjectID)
}

extension GitRepository {
  /// The last commit along first parents that changed each path.
  ///
  /// The newest commits are compared first, all of them under the same limits. The search ends early at a commit whose
  /// tree cannot be read, and where a limit is exceeded.
  ///
  /// - Parameters:
  ///   - commits: successive commits along first parents, oldest first.
  ///   - base: the commit that the oldest one is compared with if it has no parent.
  ///   - budget: the limits of all comparisons together.
  public func lastChanges(
    by commits: [CommitInfo], since base: ObjectID?, _ selection: PathSelection,
    budget: SharedTreeBudget
  ) throws(GitError) -> LastChanges {
    let handle = try opened()
    handle.budget = budget.unpacking
    return try budget.use { (budget) throws(GitError) in
      try handle.lastChanges(by: commits, since: base, selection, &budget)
    }
  }
}

extension RepositoryHandle {
  fileprivate func lastChanges(
    by commits: [CommitInfo], since base: ObjectID?, _ selection: PathSelection, _ budget: inout TreeBudget
  ) throws(GitError) -> LastChanges {
    var found = LastChanges()
    for (index, commit) in commits.enumerated().reversed() {
      do throws(GitError) {
        var before: ObjectID?
        if let parent = commit.parents.first ?? (index == 0 ? base : nil) {
          before = try self.commit(parent, &budget).tree
        }
        for change in try changes(from: before, to: commit.tree, selection, &budget) {
          let path = ExactString(change.path)
          if found.byPath[path] == nil { found.byPath[path] = commit.id }
        }
      } catch {
        guard error.kind == .tooLarge || error.kind == .malformed else { throw error }
        found.end = budget.isSpent || error.isExhausted ? .limit(commit.id) : .unreadable(commit.id)
        return found
      }
    }
    return found
  }
}
