import CLibgit2
import Glibc

extension Mirror {
  /// The marker file: identifies a folder as a copy that kdops created, and names its remote.
  private static let markerName = "kdops-mirror"

  /// Makes the folder usable: creates it, resets it for another remote, or moves a damaged copy aside.
  func prepare() async throws(GitError) {
    let ours = FileText.read(path + "/" + Self.markerName)
    guard access(path, F_OK) == 0, !isEmptyFolder else { return try await create() }
    guard let ours else {
      throw GitError(
        .invalid, "\(path) contains something that is not a copy made by kdops",
        hint: "name a folder that is empty or not there yet")
    }
    // Any earlier user of the copy has ended: each copy has only one daemon.
    StaleLocks.clearAll(in: path)
    if isDamaged(deeply: false) { return try await replace() }
    try dropUnreadableRefs()
    if ours.trimmed != "\(remote.url)" {
      let handle = try opened()
      for (ref, id) in try handle.refs(prefix: "refs/") {
        try handle.move(ref, to: nil, from: id, reason: "new remote")
      }
      try writeMarker(in: path)
    }
  }

  /// Replaces the copy with an empty one if it is damaged; a fetch then fills it again.
  ///
  /// Checks every object that the branch and the further refs need, so it takes as long as reading all of
  /// them.
  ///
  /// - Returns: whether the copy was damaged. The damaged copy is kept in `NAME.corrupt-N`.
  public func repair() async throws(GitError) -> Bool { try await repair([]) }

  /// - Parameter refs: refs of the remote that must be readable besides those that are listed.
  func repair(_ refs: [String]) async throws(GitError) -> Bool {
    guard isDamaged(deeply: true, refs) else { return false }
    try await replace()
    return true
  }

  private func create() async throws(GitError) {
    _ = try await GitRepository.initBare(path: path)
    await forget()
    try writeMarker(in: path)
  }

  private func replace() async throws(GitError) {
    for (ref, id) in (try? opened().refs(prefix: Self.trackingRef("refs/"))) ?? [:] {
      remembered["refs/" + ref.dropFirst(Self.trackingRef("refs/").count)] = id
    }
    await forget()
    for number in 1...10_000 where access("\(path).corrupt-\(number)", F_OK) != 0 {
      guard rename(path, "\(path).corrupt-\(number)") == 0 else {
        throw GitError(
          .other, "cannot move the damaged copy \(path) aside: \(String(cString: strerror(errno)))",
          hint: "check who may write to the folder above it")
      }
      return try await create()
    }
    throw GitError(.other, "there are too many damaged copies beside \(path)", hint: "remove them")
  }

  private var isEmptyFolder: Bool {
    var empty = true
    Folders.forEachName(in: path) { _ in empty = false }
    return empty
  }

  func writeMarker(in folder: String) throws(GitError) {
    let marker = folder + "/" + Self.markerName
    let text = "\(remote.url)\n"
    let descriptor = Glibc.open(marker, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    let written = descriptor >= 0 ? text.withCString { write(descriptor, $0, text.utf8.count) } : -1
    if descriptor >= 0 { close(descriptor) }
    guard written == text.utf8.count else {
      throw GitError(
        .other, "cannot write \(marker): \(String(cString: strerror(errno)))", hint: "check the disk")
    }
  }

  /// Whether fetched content can no longer be read. An object that was malformed from the start, such as a
  /// commit without an author, is not damage.
  ///
  /// - Parameters:
  ///   - deeply: also check every commit, folder and file, and the further refs; not only the tip of each
  ///     branch.
  ///   - refs: refs of the remote that must be readable besides those that are listed.
  private func isDamaged(deeply: Bool, _ refs: [String] = []) -> Bool {
    do throws(GitError) {
      let handle = try opened()
      // A ref whose file is invalid is not even listed.
      for ref in refs { _ = try known(ref) }
      let prefix = Self.trackingRef(deeply ? "refs/" : "refs/heads/")
      handle.budget = UnpackBudget(allowance: .eachObject)
      for (_, tip) in try handle.refs(prefix: prefix) { try handle.readAll(from: tip, deeply: deeply) }
      return false
    } catch {
      // Content that takes too long to check does not count as damaged.
      return error.kind != .cancelled && !error.isExhausted
    }
  }
}

extension RepositoryHandle {
  /// Larger files are only checked for existence: damage must not make a fetch use more memory.
  private static let readLimit = 16 << 20

  /// Reads a commit and its folder, or with `deeply` its whole history and content, each object once.
  fileprivate func readAll(from tip: ObjectID, deeply: Bool) throws(GitError) {
    var seen: Set<ObjectID> = [tip]
    var pending = [tip]
    while let id = pending.popLast() {
      try sound { () throws(GitError) in
        let commit = try commit(id)
        guard deeply else {
          if commit.tree != .emptyTree { _ = try read(commit.tree, GIT_OBJECT_TREE) }
          return
        }
        for parent in commit.parents where seen.insert(parent).inserted { pending.append(parent) }
        try readAll(inTree: commit.tree, &seen)
      }
    }
  }

  /// Reads a tree and all its content once. Uses no recursion, because folders may be nested to any depth.
  private func readAll(inTree root: ObjectID, _ seen: inout Set<ObjectID>) throws(GitError) {
    var pending = [root]
    while let tree = pending.popLast() {
      guard seen.insert(tree).inserted else { continue }
      try sound { () throws(GitError) in
        try forEachEntry(ofTree: tree) { (entry) throws(GitError) in
          let id = entry.objectID
          if entry.isTree {
            if !seen.contains(id) { pending.append(id) }
          } else if entry.mode != FileMode.submodule, seen.insert(id).inserted,
            try header(of: id).size <= Self.readLimit
          {
            _ = try load(id)
          }
          return true
        }
      }
    }
  }

  /// Ignores content that is readable but was malformed or too large from the start.
  private func sound(_ body: () throws(GitError) -> Void) throws(GitError) {
    do throws(GitError) {
      try body()
    } catch {
      guard error.isOfOneObject else { throw error }
    }
  }
}
