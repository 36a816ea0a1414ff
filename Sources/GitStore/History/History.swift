import CLibgit2

/// One version of a file in the history of a branch.
public struct FileVersion: Sendable, Hashable {
  /// The commit that introduced this version; the oldest commit that was examined, if `mayBeOlder` is true.
  public let commit: ObjectID
  /// Nil if that commit removed the file.
  public let blob: ObjectID?
  /// True if a limit ended the search at this commit, so that an older one may have introduced the version.
  public let mayBeOlder: Bool

  public init(commit: ObjectID, blob: ObjectID?, mayBeOlder: Bool = false) {
    self.commit = commit
    self.blob = blob
    self.mayBeOlder = mayBeOlder
  }
}

/// The first-parent commits of a branch since a base commit, oldest first.
public struct FirstParentLog: Sendable, Hashable {
  public let commits: [CommitInfo]
  /// False if the base is not among the first parents, or is further back than the limits.
  public let reachedBase: Bool

  public init(commits: [CommitInfo], reachedBase: Bool) {
    self.commits = commits
    self.reachedBase = reachedBase
  }
}

extension RepositoryHandle {
  func commit(_ id: ObjectID) throws(GitError) -> CommitInfo {
    try read(id, GIT_OBJECT_COMMIT).withBytes { (bytes) throws(GitError) in try CommitInfo(id, bytes) }
  }

  /// The commit of a revision: an id, a branch, a tag, `HEAD~2`, …
  ///
  /// - Throws: `GitError`: `.gone` if nothing has that name, `.invalid` if it is ambiguous or not a commit.
  func resolve(_ revision: String) throws(GitError) -> ObjectID {
    guard !revision.isEmpty, !revision.utf8.contains(0) else {
      throw GitError(
        .invalid, "an empty revision names no commit", hint: "give a branch, a tag or a commit id")
    }
    // A full commit id needs no ref lookup; a hook's quarantine may not show the refs.
    if let id = ObjectID(hex: revision), (try? read(id, GIT_OBJECT_COMMIT)) != nil { return id }
    do throws(GitError) {
      let object = try Owned("find \(revision)", release: git_object_free) {
        git_revparse_single(&$0, pointer, revision)
      }
      let commit = try Owned("find a commit behind \(revision)", release: git_object_free) {
        git_object_peel(&$0, object.pointer, GIT_OBJECT_COMMIT)
      }
      guard let id = git_object_id(commit.pointer) else { throw GitError(.other, "\(revision) has no id") }
      return ObjectID(id.pointee)
    } catch {
      switch error.kind {
      case .gone where isShallow:
        throw GitError(
          .shallow, "revision \(revision.singleLine) is not in this shallow clone",
          hint: "fetch the whole history: `git fetch --unshallow`, or full depth in CI")
      case .gone where revision == "HEAD":
        throw GitError(.gone, "there is no commit here yet", hint: "make the first one")
      case .gone:
        throw GitError(
          .gone, "revision \(revision.singleLine) is unknown here", hint: "fetch it, or check the spelling")
      default: throw GitError(.invalid, error.message, hint: "give a branch, a tag or a full commit id")
      }
    }
  }

  /// The best common ancestor; nil if the histories are unrelated.
  func mergeBase(_ one: ObjectID, _ other: ObjectID) throws(GitError) -> ObjectID? {
    if one == other { return try commit(one).id }
    var search = MergeBaseSearch(in: self)
    return try search.newest(one, other)
  }

  /// Whether `ancestor` is `commit` or one of its ancestors.
  func isAncestor(_ ancestor: ObjectID, of commit: ObjectID) throws(GitError) -> Bool {
    if ancestor == commit { return true }
    return try mergeBase(ancestor, commit) == ancestor
  }

  /// The commits from `base` (not included) to `head`, along first parents, oldest first.
  ///
  /// - Parameters:
  ///   - limit: the most commits.
  ///   - bytes: the most bytes of all of them; they are held in memory together.
  func firstParentLog(
    from base: ObjectID?, to head: ObjectID, limit: Int, bytes: Int = 64 << 20
  ) throws(GitError) -> FirstParentLog {
    var commits: [CommitInfo] = []
    var next: ObjectID? = head
    var bytesLeft = bytes
    while let id = next, id != base, commits.count < limit {
      let size = try size(of: id, GIT_OBJECT_COMMIT)
      bytesLeft -= size
      // A single commit has a limit of its own.
      guard bytesLeft >= 0 || commits.isEmpty else { break }
      let info = try read(id, GIT_OBJECT_COMMIT, size: size).withBytes { (bytes) throws(GitError) in
        try CommitInfo(id, bytes)
      }
      commits.append(info)
      next = info.parents.first
    }
    return FirstParentLog(commits: commits.reversed(), reachedBase: next == base)
  }

  /// The versions of a file, newest first, along first parents.
  func history(
    of path: String, from commit: ObjectID, limit: Int, depth: Int, _ budget: inout TreeBudget
  ) throws(GitError) -> [FileVersion] {
    var versions: [FileVersion] = []
    guard limit > 0, var lookup = PathLookup(path) else { return versions }
    // The version at the last visited commit, and that commit.
    var pending: FileVersion?
    var next: ObjectID? = commit
    var seen = 0
    while let id = next, seen < depth {
      let (blob, parent): (ObjectID?, ObjectID?)
      do throws(GitError) {
        let info = try self.commit(id, &budget)
        (blob, parent) = (try lookup.blob(inTree: info.tree, in: self, &budget), info.parents.first)
      } catch {
        // A commit that cannot be read ends the search, as a limit does.
        guard error.kind == .malformed || error.kind == .tooLarge else { throw error }
        break
      }
      if let newer = pending, newer.blob != blob {
        versions.append(newer)
        if versions.count == limit { return versions }
      }
      pending = FileVersion(commit: id, blob: blob)
      next = parent
      seen += 1
    }
    if let last = pending, last.blob != nil {
      versions.append(FileVersion(commit: last.commit, blob: last.blob, mayBeOlder: next != nil))
    }
    return versions
  }
}

/// Looks up one path in successive trees. A folder that is the same as in the tree before is not read again.
private struct PathLookup {
  private let names: [[UInt8]]
  /// For each name of the path: the folder that was read last, and its item with the name.
  private var known: [(folder: ObjectID, item: (mode: UInt32, id: ObjectID)?)?]

  /// - Returns: nil for a path that no file can have.
  init?(_ path: String) {
    guard PathBytes.reasonAgainst(path) == nil else { return nil }
    names = path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
    known = Array(repeating: nil, count: names.count)
  }

  /// The blob of the file; nil if there is none, or if the tree of an old commit is malformed or too large. A
  /// commit that has since fixed the tree must not be blocked by the old one.
  ///
  /// - Throws: `GitError` of kind `.tooLarge` if the budget is spent: it is then unknown whether there is such a file.
  mutating func blob(
    inTree tree: ObjectID, in handle: RepositoryHandle, _ budget: inout TreeBudget
  ) throws(GitError) -> ObjectID? {
    var folder = tree
    for level in names.indices {
      let item: (mode: UInt32, id: ObjectID)?
      do throws(GitError) {
        item = try self.item(at: level, in: folder, handle, &budget)
      } catch {
        guard error.isOfOneObject, !budget.isSpent else { throw error }
        return nil
      }
      guard let (mode, id) = item else { return nil }
      if level < names.count - 1 {
        guard mode == FileMode.tree else { return nil }
      } else {
        // A link with the same content is no version of the file, as in the desired state.
        guard case .file = FileMode.kind(mode) else { return nil }
      }
      folder = id
    }
    return folder
  }

  private mutating func item(
    at level: Int, in folder: ObjectID, _ handle: RepositoryHandle, _ budget: inout TreeBudget
  ) throws(GitError) -> (mode: UInt32, id: ObjectID)? {
    if let known = known[level], known.folder == folder { return known.item }
    let found = try handle.item(named: names[level], inTree: folder, &budget)
    known[level] = (folder, found)
    return found
  }
}
