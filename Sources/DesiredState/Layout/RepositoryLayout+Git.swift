import Diagnostics
import GitStore
import Manifests

extension RepositoryLayout {
  /// Reads the file of a tree entry. Anything but a regular file is an error: if it were treated as a missing file,
  /// objects would look deleted.
  ///
  /// - Parameter entry: nil if the tree has no such entry.
  public static func read(_ entry: TreeEntry?, in repository: GitRepository) async throws -> FoundLayout {
    guard let entry else { return (RepositoryLayout(), []) }
    guard entry.isFile else { return (RepositoryLayout(), ManifestFile(unread: entry).findings) }
    let limits = ManifestLimits.standard
    let read = try await repository.readBlobs([entry.id], limit: limits.bytes) { _, content in
      switch content {
      case .bytes(let bytes): parse(Array(bytes))
      case .tooLarge(let size):
        (RepositoryLayout(), ManifestFile(path: entry.path, tooLarge: size, limits: limits).findings)
      case .baseTooLarge: (RepositoryLayout(), ManifestFile(baseTooLarge: entry.path).findings)
      }
    }
    return read.first ?? (RepositoryLayout(), [])
  }

  /// Reads the file of a folder on disk, with the same findings.
  ///
  /// - Parameter entry: nil if the folder has no such entry.
  static func read(_ entry: TreeEntry?, in tree: WorkTree) throws(GitError) -> FoundLayout {
    guard let entry else { return (RepositoryLayout(), []) }
    guard entry.isFile else { return (RepositoryLayout(), ManifestFile(unread: entry).findings) }
    return parse(try tree.read(entry.path, limit: ManifestLimits.standard.bytes))
  }
}
