import CLibgit2

/// The content of the remote's refs at the last fetch. Valid only during the call that receives it.
public struct FetchedRefs {
  private let handle: RepositoryHandle

  init(_ handle: RepositoryHandle) { self.handle = handle }

  /// The bytes of a file in a ref's tree.
  ///
  /// - Parameter limit: in bytes; a longer file is not loaded.
  /// - Returns: nil if the ref or the file does not exist, or the file is longer than the limit.
  public func file(_ path: String, of ref: String, limit: Int) throws(GitError) -> [UInt8]? {
    guard let tree = try tree(of: ref), let entry = try handle.entry(at: path, inTree: tree), entry.isFile
    else { return nil }
    return try bytes(entry.id, limit)
  }

  /// The text of the note on a commit.
  ///
  /// - Parameter limit: in bytes; a longer note is not loaded.
  /// - Returns: nil if the ref or the note does not exist, or the note is longer than the limit.
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
