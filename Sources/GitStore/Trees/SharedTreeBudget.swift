import CLibgit2
import Synchronization

/// Limits for several readings of trees and commits together, such as all searches through history for one head.
///
/// Objects that were read before an error count, too. Once a limit is exceeded, every further reading throws
/// `GitError` of kind `.tooLarge`.
public final class SharedTreeBudget: Sendable {
  private let budget: Mutex<TreeBudget>
  /// The limit on the bytes that are unpacked from delta chains.
  let unpacking = UnpackBudget()

  public init(_ limits: TreeLimits = TreeLimits()) { budget = Mutex(TreeBudget(limits)) }

  /// Whether a limit is exceeded.
  public var isSpent: Bool { budget.withLock { $0.isSpent } }

  /// Runs a reading that counts down the limits.
  func use<Value>(_ body: (inout TreeBudget) throws(GitError) -> sending Value) throws(GitError) -> Value {
    try budget.withLock { (budget) throws(GitError) in try body(&budget) }
  }
}

extension RepositoryHandle {
  /// Reads a tree or a commit, and counts its size before it is unpacked.
  ///
  /// - Throws: as `read`; `.tooLarge` also if the budget is spent.
  func read(
    _ id: ObjectID, _ type: git_object_t, _ budget: inout TreeBudget
  ) throws(GitError) -> RawObject {
    // An object beyond its own limit is refused by its header and costs only that.
    let size = try size(of: id, type)
    try budget.takeObject(bytes: size <= ObjectLimits.limit(of: type) ? size : 0)
    return try read(id, type, size: size)
  }

  /// The metadata of a commit.
  func commit(_ id: ObjectID, _ budget: inout TreeBudget) throws(GitError) -> CommitInfo {
    try read(id, GIT_OBJECT_COMMIT, &budget).withBytes { (bytes) throws(GitError) in
      try CommitInfo(id, bytes)
    }
  }
}
