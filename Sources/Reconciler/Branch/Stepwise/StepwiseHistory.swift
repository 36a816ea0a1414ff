import Diagnostics
import GitStore
import KubeDirector

/// How a daemon handles several commits that arrive together.
public enum History: String, Sendable, Hashable, CaseIterable {
  /// The commits are applied as one change.
  case net
  /// The commits along first parents are applied one after another; each must be done before the next one starts.
  case stepwise
}

/// The commits that are still to be applied, one after another.
struct StepwiseHistory {
  /// The head at which the sequence ends.
  let target: ObjectID
  /// True if the start was derived from the live objects, so that a missing object may have been deleted since.
  let isResumed: Bool
  /// The commits, oldest first.
  private(set) var commits: [ObjectID]
  /// The running upgrades, with their previous apps, for which the commits were searched for a rollback.
  private var searched: [ObjectReference: String]?

  init(target: ObjectID, commits: [ObjectID], isResumed: Bool = false) {
    (self.target, self.commits, self.isResumed) = (target, commits, isResumed)
  }

  /// Removes a commit that was applied, and those before it.
  mutating func pass(_ commit: ObjectID) {
    guard let index = commits.firstIndex(of: commit) else { return }
    commits.removeFirst(index + 1)
    searched = nil
  }

  /// Whether the commits have to be searched for a rollback of these upgrades. They are searched once.
  mutating func beginSearch(for running: [ObjectReference: String]) -> Bool {
    guard !running.isEmpty, searched != running else { return false }
    searched = running
    return true
  }
}
