import CLibgit2
import Synchronization

/// Reads single objects at once, for somebody who finds out in the middle of a thought that one is needed.
///
/// Blocks its thread for a moment, so it is for work that runs by `GitRepository.run`. Whoever knows beforehand
/// what is needed asks `readBlobs`, which is faster.
public final class ObjectReader: Sendable {
  private let location: RepositoryLocation
  private let handle = Mutex<RepositoryHandle?>(nil)

  init(location: RepositoryLocation) { self.location = location }

  /// The bytes of a file.
  ///
  /// - Parameter limit: how many bytes it may have.
  /// - Throws: `GitError` of kind `.tooLarge` for a larger one, of which nothing is loaded.
  public func blob(_ id: ObjectID, limit: Int) throws(GitError) -> [UInt8] {
    try withHandle { (handle) throws(GitError) in try handle.blob(id, limit: limit) }
  }

  /// The size of a file in bytes, of which nothing is loaded.
  public func size(ofBlob id: ObjectID) throws(GitError) -> Int {
    try withHandle { (handle) throws(GitError) in try handle.size(of: id, GIT_OBJECT_BLOB) }
  }

  /// What stands at a path of a tree; nil where nothing does or a folder does.
  public func entry(at path: String, inTree tree: ObjectID) throws(GitError) -> TreeEntry? {
    try withHandle { (handle) throws(GitError) in try handle.entry(at: path, inTree: tree) }
  }

  /// Everything selected in a tree, in the order of paths.
  public func entries(
    inTree tree: ObjectID, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeEntry] {
    try withHandle { (handle) throws(GitError) in try handle.entries(inTree: tree, selection, limits) }
  }

  /// What differs between two trees.
  public func differences(
    from old: ObjectID, to new: ObjectID, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeChange] {
    try withHandle { (handle) throws(GitError) in try handle.changes(from: old, to: new, selection, limits) }
  }

  /// Goes through what a file held, newest first, along first parents; `body` says whether to go on.
  ///
  /// - Parameters:
  ///   - limit: how many states.
  ///   - depth: how many commits are looked at.
  ///   - size: how many bytes a state may have; a larger one is passed over.
  public func forEachVersion(
    of path: String, from commit: ObjectID, limit: Int = 10, depth: Int = 10_000, size: Int,
    _ body: ([UInt8]) -> Bool
  ) throws(GitError) {
    try withHandle { (handle) throws(GitError) in
      var left = limit
      try handle.forEachVersion(of: path, from: commit, depth: depth) { (version) throws(GitError) in
        left -= 1
        guard let blob = version.blob, try handle.size(of: blob, GIT_OBJECT_BLOB) <= size else {
          return left > 0
        }
        return body(try handle.blob(blob, limit: size)) && left > 0
      }
    }
  }

  private func withHandle<Value: Sendable>(
    _ body: (RepositoryHandle) throws(GitError) -> Value
  ) throws(GitError) -> Value {
    try handle.withLock { (handle) throws(GitError) in
      if let handle { return try body(handle) }
      let new = try RepositoryHandle(location)
      handle = new
      return try body(new)
    }
  }
}

extension GitRepository {
  /// Does something on this repository's own thread, where it may block.
  public func run<Value: Sendable, Failure: Error>(
    _ body: @Sendable () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try body()
  }
}
