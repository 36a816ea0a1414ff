import GitStore
import Manifests
import Rules

extension Snapshot {
  /// Replaces files by those of a tree of git. This is the only place where such files become objects, so that the daemon
  /// and the hooks have the same findings and the same limits.
  ///
  /// Entries that cannot hold objects are ignored. On an error, the snapshot must not be used.
  ///
  /// - Parameters:
  ///   - old: the entries that the snapshot may have, and that the tree does not have or has with another content.
  ///   - new: the entries of the tree that the snapshot does not have.
  /// - Returns: the changes that the judge has to examine.
  /// - Throws: `GitError` of kind `.tooLarge` if the files exceed the reading budget together.
  @discardableResult
  mutating func replace(
    _ old: [TreeEntry], with new: [TreeEntry], in repository: GitRepository
  ) async throws -> Changes {
    var changes = Changes()
    for entry in old where RepositoryLayout.mayHoldObjects(entry) {
      changes.formUnion(remove(path: entry.path))
    }
    let entries = new.filter(RepositoryLayout.mayHoldObjects)
    for file in try await Self.read(entries.filter(\.isFile), defaultNamespace, in: repository) {
      changes.formUnion(update(file))
    }
    try ReadingBudget().check(values: valueCount)
    for entry in entries where !entry.isFile { changes.formUnion(update(ManifestFile(unread: entry))) }
    return changes
  }

  /// Reads and parses files concurrently; the result is in the order of `files`.
  private static func read(
    _ files: [TreeEntry], _ namespace: String, in repository: GitRepository
  ) async throws -> [SnapshotFile] {
    let limit = ManifestLimits.standard.bytes
    let budget = ReadingBudget()
    let read = try await repository.readBlobs(files.map(\.id), limit: limit) {
      index, content -> SnapshotFile? in
      guard !budget.isExceeded else { return nil }
      let file = SnapshotFile(
        ManifestFile.parse(path: files[index].path, content: content, defaultNamespace: namespace),
        defaultNamespace: namespace)
      budget.take(values: file.valueCount)
      return file
    }
    try budget.check()
    return read.compactMap(\.self)
  }
}
