import CLibgit2

/// What refs of the remote held when they were fetched last. Valid only during the call that it was given to.
public struct FetchedRefs {
  private let handle: RepositoryHandle

  init(_ handle: RepositoryHandle) { self.handle = handle }

  /// The bytes of a file in a ref's tree.
  ///
  /// - Parameter limit: in bytes; a longer file is not loaded.
  /// - Returns: nil where there is no such ref or file, or a longer one.
  public func file(_ path: String, of ref: String, limit: Int) throws(GitError) -> [UInt8]? {
    guard let tree = try tree(of: ref), let entry = try handle.entry(at: path, inTree: tree), entry.isFile
    else { return nil }
    return try bytes(entry.id, limit)
  }

  /// The text of the note on a commit.
  ///
  /// - Parameter limit: in bytes; a longer note is not loaded.
  /// - Returns: nil where there is no such ref or note, or a longer one.
  public func note(on commit: ObjectID, of ref: String, limit: Int) throws(GitError) -> [UInt8]? {
    guard let tree = try tree(of: ref), let id = try handle.note(on: commit, inTree: tree) else { return nil }
    return try bytes(id, limit)
  }

  private func tree(of ref: String) throws(GitError) -> ObjectID? {
    guard let tip = try handle.target(of: Mirror.trackingRef(ref)) else { return nil }
    return try handle.tree(ofCommit: tip)
  }

  private func bytes(_ id: ObjectID, _ limit: Int) throws(GitError) -> [UInt8]? {
    try handle.size(of: id, GIT_OBJECT_BLOB) <= limit ? try handle.blob(id, limit: limit) : nil
  }
}
