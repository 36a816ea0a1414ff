import CLibgit2
import Synchronization

/// Reads single objects synchronously, for callers that find out during a computation which objects they need.
///
/// Blocks its thread, so use it inside `GitRepository.run`. If the objects are known in advance, `readBlobs`
/// is faster.
public final class ObjectReader: Sendable {
  private let location: RepositoryLocation
  private let handle: SharedHandle
  /// The limit on unpacked bytes for all calls together; nil if each call has a limit of its own.
  private let budget: UnpackBudget?

  private final class SharedHandle: Sendable {
    let value = Mutex<RepositoryHandle?>(nil)
  }

  init(location: RepositoryLocation) {
    (self.location, handle, budget) = (location, SharedHandle(), nil)
  }

  private init(_ handle: SharedHandle, _ location: RepositoryLocation, _ budget: UnpackBudget) {
    (self.handle, self.location, self.budget) = (handle, location, budget)
  }

  /// A reader on the same handle with one limit on unpacked bytes for all of its calls together. For callers that
  /// read many objects one by one.
  public func withCommonLimit() -> ObjectReader { ObjectReader(handle, location, UnpackBudget()) }

  /// The bytes of a file.
  ///
  /// - Parameter limit: the largest allowed size in bytes.
  /// - Throws: `GitError` of kind `.tooLarge` for a larger file, which is not loaded.
  public func blob(_ id: ObjectID, limit: Int) throws(GitError) -> [UInt8] {
    try withHandle { (handle) throws(GitError) in try handle.blob(id, limit: limit) }
  }

  /// The size of a file in bytes; the file is not loaded.
  public func size(ofBlob id: ObjectID) throws(GitError) -> Int {
    try withHandle { (handle) throws(GitError) in try handle.size(of: id, GIT_OBJECT_BLOB) }
  }

  /// The entry at a path of a tree; nil if there is none or it is a folder.
  ///
  /// - Parameter budget: for one of several readings that share their limits.
  public func entry(
    at path: String, inTree tree: ObjectID, budget: SharedTreeBudget = SharedTreeBudget()
  ) throws(GitError) -> TreeEntry? {
    try withHandle { (handle) throws(GitError) in
      try budget.use { (budget) throws(GitError) in try handle.entry(at: path, inTree: tree, &budget) }
    }
  }

  /// The selected entries of a tree, ordered by path.
  public func entries(
    inTree tree: ObjectID, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeEntry] {
    try withHandle { (handle) throws(GitError) in try handle.entries(inTree: tree, selection, limits) }
  }

  /// The differences between two trees.
  public func differences(
    from old: ObjectID, to new: ObjectID, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeChange] {
    try withHandle { (handle) throws(GitError) in try handle.changes(from: old, to: new, selection, limits) }
  }

  /// Starts a walk through the earlier versions of files.
  ///
  /// - Parameters:
  ///   - commit: where the walk begins; its own versions of the files are not earlier ones.
  ///   - selection: the files that may be asked for.
  ///   - limits: the limits of all comparisons of the walk together.
  ///   - depth: the most commits to visit.
  public func histories(
    from commit: ObjectID, _ selection: PathSelection, limits: TreeLimits, depth: Int = 10_000
  ) throws(GitError) -> FileHistories {
    try withHandle { (handle) throws(GitError) in
      FileHistories(from: try handle.commit(commit), selection, limits: limits, depth: depth)
    }
  }

  /// An earlier version of a file, for which the walk goes on as far as necessary.
  ///
  /// - Parameters:
  ///   - number: 0 for the newest of them.
  ///   - path: a selected path.
  /// - Returns: nil if the walk found no such version.
  public func version(
    _ number: Int, of path: String, in histories: inout FileHistories
  ) throws(GitError) -> FileHistories.Version? {
    try withHandle { (handle) throws(GitError) in try histories.version(number, of: path, in: handle) }
  }

  private func withHandle<Value: Sendable>(
    _ body: (RepositoryHandle) throws(GitError) -> Value
  ) throws(GitError) -> Value {
    try handle.value.withLock { (handle) throws(GitError) in
      let opened: RepositoryHandle
      if let handle { opened = handle } else { opened = try RepositoryHandle(location) }
      handle = opened
      opened.budget = budget ?? UnpackBudget()
      return try body(opened)
    }
  }
}

extension GitRepository {
  /// Runs a closure on this repository's own thread, where it may block.
  public func run<Value: Sendable, Failure: Error>(
    _ body: @Sendable () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try body()
  }
}
