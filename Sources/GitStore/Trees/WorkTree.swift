import CLibgit2
import Glibc
import Values

/// The files of a folder on disk, for validating changes that are not committed yet.
public struct WorkTree: Sendable, Hashable {
  /// The repository's root, or the folder itself outside any repository; ends in `/`.
  public let root: String
  /// The requested folder, relative to the root; empty for the root itself, else ends in `/`.
  public let asked: String
  /// Ordered by path. Ids are all zero and no file counts as executable: neither was read.
  public let files: [TreeEntry]

  /// Lists the files of a folder's repository that are tracked or could be (not ignored). Outside a
  /// repository: every file. Links are listed and not followed; nested repositories count as submodules.
  ///
  /// - Throws: `GitError`: `.gone` if the folder does not exist, `.invalid` for a bare repository.
  public static func list(
    path: String, _ selection: PathSelection = .all, limits: TreeLimits = TreeLimits()
  ) async throws(GitError) -> WorkTree {
    try await GitRepository(location: RepositoryLocation(path: path)).listWorkTree(selection, limits)
  }

  /// Reads one file, without following links.
  ///
  /// - Parameter limit: the most bytes to read; of a longer file one byte more is returned, so that the
  ///   caller can detect it.
  public func read(_ path: String, limit: Int) throws(GitError) -> [UInt8] {
    let limit = max(0, min(limit, 1 << 40))
    let descriptor = Glibc.open(root + path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw GitError(.gone, "cannot read \(path.singleLine): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw GitError(.invalid, "\(path.singleLine) is no regular file")
    }
    var content: [UInt8] = []
    var failed = false
    let want = min(limit + 1, max(Int(information.st_size), 0) + 1)
    while content.count < limit + 1, !failed {
      let space = min(max(want, 4096), limit + 1 - content.count)
      let start = content.count
      content += Array(repeating: 0, count: space)
      let got = content.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress.map { $0 + start }, space)
      }
      failed = got < 0
      content.removeLast(space - max(0, got))
      if got <= 0 { break }
    }
    if failed {
      throw GitError(.other, "cannot read \(path.singleLine): \(String(cString: strerror(errno)))")
    }
    return content
  }
}

extension GitRepository {
  /// A folder's path relative to the repository's root, with a `/` at the end; empty for the root, for a
  /// folder outside the repository, and in a bare repository.
  public func prefix(of folder: String) throws(GitError) -> String {
    guard let root = try workTree(), let resolved = realpath(folder, nil) else { return "" }
    defer { free(resolved) }
    let asked = String(cString: resolved) + "/"
    return asked.cutting(prefix: root).map(String.init) ?? ""
  }

  fileprivate func listWorkTree(_ selection: PathSelection, _ limits: TreeLimits) throws(GitError) -> WorkTree
  {
    guard let resolved = realpath(location.path, nil) else {
      throw GitError(.gone, "\(location.path) does not exist", hint: "give the path of a folder")
    }
    defer { free(resolved) }
    let asked = String(cString: resolved) + "/"
    let handle: RepositoryHandle?
    do throws(GitError) {
      handle = try opened()
    } catch {
      guard error.kind == .gone else { throw error }
      handle = nil
    }
    guard let handle else { return try walk(root: asked, asked: "", nil, selection, limits) }
    guard let root = handle.workTree else {
      throw GitError(
        .invalid, "\(location.path) is a bare repository without files",
        hint: "name a commit with --head, or give the path of a work tree")
    }
    let below = asked.cutting(prefix: root).map(String.init) ?? ""
    return try walk(root: root, asked: below, handle, selection, limits)
  }

  private func walk(
    root: String, asked: String, _ handle: RepositoryHandle?, _ selection: PathSelection, _ limits: TreeLimits
  ) throws(GitError) -> WorkTree {
    var walk = FolderWalk(
      root: root, handle: handle, index: try handle.map(TrackedPaths.init), selection: selection,
      budget: TreeBudget(limits))
    try walk.enter(WalkPlace(state: selection.start))
    return WorkTree(root: root, asked: asked, files: walk.files)
  }
}

/// The paths in the index: a tracked file is included even if a pattern ignores it.
private final class TrackedPaths {
  private let index: Owned

  init(_ handle: RepositoryHandle) throws(GitError) { index = try handle.readIndex() }

  func contains(_ path: String, folder: Bool) -> Bool {
    var position = 0
    let code =
      folder
      ? git_index_find_prefix(&position, index.pointer, path) : git_index_find(&position, index.pointer, path)
    git_error_clear()
    return code == 0
  }
}

/// Walks through folders on disk.
private struct FolderWalk {
  let root: String
  let handle: RepositoryHandle?
  let index: TrackedPaths?
  let selection: PathSelection
  var budget: TreeBudget
  var files: [TreeEntry] = []

  mutating func enter(_ place: WalkPlace) throws(GitError) {
    do throws(GitError) { try list(place) } catch { throw error.at(place.shown) }
  }

  private mutating func list(_ place: WalkPlace) throws(GitError) {
    try budget.takeFolder()
    let folder = root + String(decoding: place.path, as: UTF8.self)
    guard let listing = opendir(folder) else {
      throw GitError(
        .refused, "cannot list \(folder.singleLine): \(String(cString: strerror(errno)))",
        hint: "check the folder's permissions")
    }
    defer { closedir(listing) }
    var items: [Item] = []
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name == Array(".".utf8) || name == Array("..".utf8) || name == Array(".git".utf8) { continue }
      let type = Self.type(entry.pointee.d_type, of: name, in: dirfd(listing))
      guard let type else { continue }
      try budget.takeName()
      items.append(Item(name: name, type: type))
    }
    items.sort { $0.key.lexicographicallyPrecedes($1.key) }
    for item in items { try take(item, place) }
  }

  private struct Item {
    let name: [UInt8]
    let type: mode_t
    /// The sort key in git's order.
    let key: [UInt8]

    init(name: [UInt8], type: mode_t) {
      self.name = name
      self.type = type
      key = type == S_IFDIR ? name + [UInt8(ascii: "/")] : name
    }
  }

  /// The type of a directory entry; calls `fstatat` if the listing does not have the type. Nil if the entry
  /// no longer exists.
  private static func type(_ listed: UInt8, of name: [UInt8], in folder: Int32) -> mode_t? {
    if listed != DT_UNKNOWN { return mode_t(listed) << 12 }
    var information = stat()
    let bytes = (name + [0]).map { CChar(bitPattern: $0) }
    return fstatat(folder, bytes, &information, AT_SYMLINK_NOFOLLOW) == 0 ? information.st_mode & S_IFMT : nil
  }

  private mutating func take(_ item: Item, _ place: WalkPlace) throws(GitError) {
    let (next, accepts, mayGoOn) = item.name.withUnsafeBytes { selection.step(place.state, into: $0) }
    guard accepts || mayGoOn else { return }
    let whole = place.path + item.name
    if let reason = item.name.withUnsafeBytes({ PathBytes.reasonAgainst(name: $0) }) {
      return try add(PathBytes.quoted(whole), .link(reason))
    }
    let path = String(decoding: whole, as: UTF8.self)
    if try isIgnored(path, folder: item.type == S_IFDIR) { return }
    switch item.type {
    case S_IFDIR:
      guard mayGoOn else { return }
      if access(root + path + "/.git", F_OK) == 0 { return try add(path, .link(.submodule)) }
      if place.depth + 1 >= PathBytes.maximumDepth { return try add(path, .link(.tooDeep)) }
      try enter(item.name.withUnsafeBytes { place.child($0, next) })
    case S_IFREG:
      if accepts { try add(path, .file(executable: false)) }
    case S_IFLNK: try add(path, .link(.symlink))
    default: try add(path, .link(.unknownMode))
    }
  }

  private mutating func add(_ path: String, _ kind: TreeEntry.Kind) throws(GitError) {
    try budget.takeFile(path)
    files.append(TreeEntry(path: path, id: .zero, kind: kind))
  }

  private func isIgnored(_ path: String, folder: Bool) throws(GitError) -> Bool {
    guard let handle, let index else { return false }
    let asked = folder ? path + "/" : path
    if index.contains(asked, folder: folder) { return false }
    var ignored: Int32 = 0
    try check(git_ignore_path_is_ignored(&ignored, handle.pointer, asked), "read .gitignore")
    return ignored == 1
  }
}
