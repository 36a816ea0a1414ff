import Values

extension GitRepository {
  /// The last commit along first parents that changed each path.
  ///
  /// The newest commits are compared first, all of them under the same limits. The search ends early at a commit whose
  /// tree cannot be read, and where a limit is exceeded: older commits may have changed any path that is not in the
  /// result.
  ///
  /// - Parameters:
  ///   - commits: successive commits along first parents, oldest first.
  ///   - base: the commit that the oldest one is compared with if it has no parent.
  ///   - limits: the limits of all comparisons together.
  public func lastChanges(
    by commits: [CommitInfo], since base: ObjectID?, _ selection: PathSelection, limits: TreeLimits
  ) throws(GitError) -> [ExactString: ObjectID] {
    let handle = try opened()
    var budget = TreeBudget(limits)
    var found: [ExactString: ObjectID] = [:]
    for (index, commit) in commits.enumerated().reversed() {
      do throws(GitError) {
        var before: ObjectID?
        if let parent = commit.parents.first ?? (index == 0 ? base : nil) {
          before = try handle.tree(ofCommit: parent)
        }
        for change in try handle.changes(from: before, to: commit.tree, selection, &budget) {
          let path = ExactString(change.path)
          if found[path] == nil { found[path] = commit.id }
        }
      } catch {
        guard error.kind == .tooLarge || error.kind == .malformed else { throw error }
        return found
      }
    }
    return found
  }
}
