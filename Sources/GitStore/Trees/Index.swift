import CLibgit2
import Glibc

extension RepositoryHandle {
  /// The files that `git commit` would commit: the index, by path.
  ///
  /// Excludes paths that are only marked for a later add (`git add -N`).
  ///
  /// - Throws: `GitError`: `.tooLarge` beyond the limits, `.conflict` if a path is unmerged, `.invalid` if
  ///   the index has a form that libgit2 cannot read (split or sparse).
  func stagedEntries(
    _ selection: PathSelection, _ limits: TreeLimits = TreeLimits()
  ) throws(GitError) -> [TreeEntry] {
    let index = try readIndex()
    var entries: [TreeEntry] = []
    var budget = TreeBudget(limits)
    for position in 0..<git_index_entrycount(index.pointer) {
      guard let raw = git_index_get_byindex(index.pointer, position), let path = raw.pointee.path else {
        continue
      }
      let bytes = UnsafeRawBufferPointer(start: path, count: strlen(path))
      guard selection.contains(bytes) else { continue }
      let reason = PathBytes.reasonAgainst(bytes)
      let name = reason == nil ? String(decoding: bytes, as: UTF8.self) : PathBytes.quoted(bytes)
      if git_index_entry_stage(raw) != 0 {
        throw GitError(
          .conflict, "\(name) is unmerged in the index", hint: "resolve the conflict and `git add` it")
      }
      let intended = UInt32(raw.pointee.flags_extended) & GIT_INDEX_ENTRY_INTENT_TO_ADD.rawValue != 0
      if intended { continue }
      let kind = reason.map { TreeEntry.Kind.link($0) } ?? FileMode.kind(raw.pointee.mode)
      try budget.takeFile(name)
      entries.append(TreeEntry(path: name, id: ObjectID(raw.pointee.id), kind: kind))
    }
    return entries
  }

  /// Opens the index and reads it. It grows with the number of files, and belongs to the user of the work tree.
  func readIndex() throws(GitError) -> Owned {
    try AllocationLimit.run(AllocationLimit.none) { () throws(GitError) in
      let index = try openIndex()
      try check(git_index_read(index.pointer, 0), "read the index")
      return index
    }
  }

  private func openIndex() throws(GitError) -> Owned {
    do throws(GitError) {
      if let file = location.indexFile {
        return try Owned("open the index \(file)", release: git_index_free) { git_index_open(&$0, file) }
      }
      return try Owned("open the index", release: git_index_free) { git_repository_index(&$0, pointer) }
    } catch {
      throw GitError(
        .invalid, error.message,
        hint:
          "a split or sparse index cannot be read: `git update-index --no-split-index`, `git sparse-checkout disable`"
      )
    }
  }
}
