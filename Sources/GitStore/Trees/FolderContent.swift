/// Everything below one folder of a commit.
public struct FolderContent: Sendable, Hashable {
  /// The entries, with their paths from the repository's root.
  public let entries: [TreeEntry]
  /// How many names were read to find the folder and its entries.
  public let namesRead: Int
  /// How many bytes the folders have that were read.
  public let bytesRead: Int
}

extension GitRepository {
  /// Lists everything below one folder, by its literal path; empty if there is nothing at the path.
  ///
  /// - Throws: `GitError`: `.tooLarge` beyond the limits, `.malformed` if a file, link or submodule is in the folder's
  ///   place; the error names the place.
  public func folder(
    _ path: String, at commit: ObjectID, limits: TreeLimits
  ) throws(GitError) -> FolderContent {
    let handle = try opened()
    return try handle.folder(path, inTree: try handle.tree(ofCommit: commit), limits)
  }
}

extension RepositoryHandle {
  fileprivate func folder(
    _ path: String, inTree root: ObjectID, _ limits: TreeLimits
  ) throws(GitError) -> FolderContent {
    var budget = TreeBudget(limits)
    var entries: [TreeEntry] = []
    var place = WalkPlace(state: PathSelection.all.start)
    var tree: ObjectID? = root
    for name in path.utf8.split(separator: UInt8(ascii: "/")) {
      guard let folder = tree else { break }
      tree = try child(Array(name), ofTree: folder, &place, &budget)
    }
    if let tree { try list(tree, .all, place, &budget, &entries) }
    return FolderContent(
      entries: entries, namesRead: limits.names - budget.namesLeft,
      bytesRead: limits.bytes - budget.bytesLeft)
  }

  /// Moves to a subfolder; nil if there is nothing with the name.
  private func child(
    _ name: [UInt8], ofTree tree: ObjectID, _ place: inout WalkPlace, _ budget: inout TreeBudget
  ) throws(GitError) -> ObjectID? {
    let next = name.withUnsafeBytes { place.child($0, place.state) }
    var found: (mode: UInt32, id: ObjectID)?
    do throws(GitError) {
      var names = 0
      try forEachEntry(ofTree: tree, &budget) { (entry) throws(GitError) in
        names += 1
        if entry.name.elementsEqual(name) { found = (entry.mode, entry.objectID) }
        return found == nil
      }
      try budget.takeNames(names)
    } catch {
      throw error.at(place.shown)
    }
    guard let (mode, id) = found else { return nil }
    guard mode == FileMode.tree else {
      let kind =
        switch FileMode.kind(mode) {
        case .link(.submodule): "a submodule, which is never read"
        case .link(.symlink): "a symbolic link, which is never followed"
        default: "no folder"
        }
      throw GitError(
        .malformed, "\(next.shown) is \(kind)", hint: "put the folder itself in its place"
      ).at(next.shown)
    }
    place = next
    return id
  }
}
