import CLibgit2

/// Limits for reading a tree. Trees can share folders, so a few kilobytes of objects may represent billions
/// of paths.
public struct TreeLimits: Sendable, Hashable {
  /// Files that are listed or compared.
  public var files: Int
  /// Folders that are entered.
  public var folders: Int
  /// Names that are visited, whether they are selected or not.
  public var names: Int
  /// Bytes of all folders that are unpacked, malformed ones too; in a search through history also of its commits. A
  /// folder may have a single long name, or no readable name, so its number of names does not show its cost.
  public var bytes: Int
  /// Bytes of all listed paths.
  public var pathBytes = 64 << 20
  /// Bytes of the nested folders that are in memory at the same time.
  public var heldBytes = 64 << 20

  public init(
    files: Int = 250_000, folders: Int = 100_000, names: Int = 2_000_000, bytes: Int = 256 << 20
  ) {
    self.files = files
    self.folders = folders
    self.names = names
    self.bytes = bytes
  }
}

/// Counts down the limits of `TreeLimits`, for one walk or for several that share the limits.
struct TreeBudget {
  private var left: TreeLimits
  private let heldBytes: Int

  init(_ limits: TreeLimits) { (left, heldBytes) = (limits, limits.heldBytes) }

  mutating func takeFile(_ path: String) throws(GitError) {
    left.files -= 1
    left.pathBytes -= path.utf8.count
    if left.files < 0 || left.pathBytes < 0 { throw Self.tooMuch("files") }
  }

  mutating func takeFolder() throws(GitError) {
    left.folders -= 1
    if left.folders < 0 { throw Self.tooMuch("folders") }
  }

  mutating func takeName() throws(GitError) { try takeNames(1) }

  mutating func takeNames(_ count: Int) throws(GitError) {
    left.names -= count
    if left.names < 0 { throw Self.tooMuch("names") }
  }

  /// Counts a folder or commit by its size, before it is unpacked.
  mutating func takeObject(bytes: Int) throws(GitError) {
    left.bytes -= max(bytes, Self.leastBytes)
    if left.bytes < 0 { throw Self.tooMuch("bytes in its folders") }
  }

  /// Finding an object costs about as much time as unpacking these bytes.
  private static let leastBytes = 1024

  /// Counts a folder's bytes while its subfolders are visited.
  mutating func hold(_ bytes: Int) throws(GitError) {
    left.heldBytes -= bytes
    if left.heldBytes < 0 { throw Self.tooMuch("names in folders above one another") }
  }

  mutating func release(_ bytes: Int) { left.heldBytes += bytes }

  /// Prepares the budget for another walk, which holds no folders yet: an error may have ended the last one early.
  mutating func releaseAll() { left.heldBytes = heldBytes }

  var namesLeft: Int { left.names }
  var bytesLeft: Int { left.bytes }

  /// Whether a limit is exceeded, so that no further walk is possible.
  var isSpent: Bool {
    left.files < 0 || left.folders < 0 || left.names < 0 || left.pathBytes < 0 || left.bytes < 0
  }

  private static func tooMuch(_ what: String) -> GitError {
    GitError(
      .tooLarge, "the tree has more \(what) than are read",
      hint: "narrow the globs in .kdops.yaml, or remove the folders that brought them")
  }
}

/// The position of a walk: the path so far and the state of the selection.
struct WalkPlace {
  var path: [UInt8] = []
  var depth = 0
  var state: PathSelection.State

  /// The place of the entry with this name in the folder `self`.
  func child(_ name: UnsafeRawBufferPointer, _ state: PathSelection.State) -> WalkPlace {
    var bytes = [UInt8]()
    bytes.reserveCapacity(path.count + name.count + 1)
    bytes.append(contentsOf: path)
    bytes.append(contentsOf: name)
    bytes.append(UInt8(ascii: "/"))
    return WalkPlace(path: bytes, depth: depth + 1, state: state)
  }

  /// The path of the folder itself, safe to print; `.` for the root.
  var shown: String {
    guard !path.isEmpty else { return "." }
    let folder = path.dropLast()
    let isSafe = folder.withUnsafeBytes { PathBytes.reasonAgainst($0) == nil }
    return isSafe ? String(decoding: folder, as: UTF8.self) : PathBytes.quoted(folder)
  }

  func path(of name: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: path.count + name.count) { buffer in
      _ = buffer.initialize(from: path)
      _ = UnsafeMutableBufferPointer(rebasing: buffer[path.count...]).initialize(from: name)
      return path.count + name.count
    }
  }
}

/// How a walk handles one entry of a tree.
enum WalkStep {
  case skip
  case take(TreeEntry)
  case enter(WalkPlace)
}

extension PathSelection {
  /// Decides on an entry whose name is too long for any file system. The name may be as long as its tree, so
  /// only its ends are matched and shown.
  private func stepOverLong(_ entry: TreeCursor.Entry, at place: WalkPlace) -> WalkStep {
    let ends = Array(entry.name.prefix(PathBytes.longestName - 55)) + entry.name.suffix(55)
    let (_, accepts, mayGoOn) = ends.withUnsafeBytes { step(place.state, into: $0) }
    guard accepts || mayGoOn else { return .skip }
    let path = PathBytes.quoted(place.path + ends)
    return .take(TreeEntry(path: path, id: entry.objectID, kind: .link(.hostilePath)))
  }

  /// Decides on an entry without reading its object.
  func step(_ entry: TreeCursor.Entry, at place: WalkPlace) -> WalkStep {
    if entry.name.count > PathBytes.longestName { return stepOverLong(entry, at: place) }
    let (next, accepts, mayGoOn) = step(place.state, into: entry.name)
    let hostile = PathBytes.reasonAgainst(name: entry.name)
    // A link or a hostile name may hide anything, so it is reported wherever a selected path could be below
    // it.
    func report(_ reason: TreeEntry.Reason) -> WalkStep {
      guard accepts || mayGoOn else { return .skip }
      let path =
        hostile != nil
        ? PathBytes.quoted(place.path + entry.name)
        : place.path(of: entry.name)
      return .take(TreeEntry(path: path, id: entry.objectID, kind: .link(reason)))
    }
    if let hostile { return report(hostile) }
    if entry.isTree {
      guard mayGoOn else { return .skip }
      return place.depth + 1 >= PathBytes.maximumDepth || place.path.count > PathBytes.maximumPath
        ? report(.tooDeep) : .enter(place.child(entry.name, next))
    }
    switch FileMode.kind(entry.mode) {
    case .link(let reason): return report(reason)
    case let kind:
      guard accepts else { return .skip }
      return .take(TreeEntry(path: place.path(of: entry.name), id: entry.objectID, kind: kind))
    }
  }
}

extension RepositoryHandle {
  /// Iterates over one folder; `body` returns whether to continue. Only for callers that read each folder once, as a
  /// fetch does.
  func forEachEntry(
    ofTree tree: ObjectID, _ body: (TreeCursor.Entry) throws(GitError) -> Bool
  ) throws(GitError) {
    var budget = TreeBudget(TreeLimits())
    try forEachEntry(ofTree: tree, &budget, body)
  }

  /// Iterates over one of several folders that share one limit. Names are not counted.
  func forEachEntry(
    ofTree tree: ObjectID, _ budget: inout TreeBudget, _ body: (TreeCursor.Entry) throws(GitError) -> Bool
  ) throws(GitError) {
    if tree == .emptyTree { return }
    try read(tree, GIT_OBJECT_TREE, &budget).withBytes { (bytes) throws(GitError) in
      var cursor = TreeCursor(bytes)
      try cursor.advance()
      while let entry = cursor.current {
        guard try body(entry) else { return }
        try cursor.advance()
      }
    }
  }

  /// The selected entries of a tree, ordered by path.
  ///
  /// - Throws: `GitError`: `.gone`, `.corrupt` and `.malformed` as `read`, `.tooLarge` beyond the limits; the
  ///   error names the folder.
  func entries(inTree tree: ObjectID, _ selection: PathSelection, _ limits: TreeLimits) throws(GitError)
    -> [TreeEntry]
  {
    var entries: [TreeEntry] = []
    var budget = TreeBudget(limits)
    try list(tree, selection, WalkPlace(state: selection.start), &budget, &entries)
    return entries
  }

  /// Appends the selected entries of a tree at a place.
  func list(
    _ tree: ObjectID, _ selection: PathSelection, _ place: WalkPlace, _ budget: inout TreeBudget,
    _ entries: inout [TreeEntry]
  ) throws(GitError) {
    if tree == .emptyTree { return }
    do throws(GitError) {
      try budget.takeFolder()
      let folder = try read(tree, GIT_OBJECT_TREE, &budget)
      try budget.hold(folder.count)
      try folder.withBytes { (bytes) throws(GitError) in
        var cursor = TreeCursor(bytes)
        try cursor.advance()
        while let entry = cursor.current {
          try budget.takeName()
          switch selection.step(entry, at: place) {
          case .skip: break
          case .take(let found):
            try budget.takeFile(found.path)
            entries.append(found)
          case .enter(let below): try list(entry.objectID, selection, below, &budget, &entries)
          }
          try cursor.advance()
        }
      }
      budget.release(folder.count)
    } catch {
      throw error.at(place.shown)
    }
  }

  /// The entry at a path of a tree; nil if there is none. A folder has no entry.
  ///
  /// - Throws: as `entries`.
  func entry(at path: String, inTree tree: ObjectID) throws(GitError) -> TreeEntry? {
    var budget = TreeBudget(TreeLimits())
    return try entry(at: path, inTree: tree, &budget)
  }

  /// The entry at a path of a tree, for several readings that share one limit; nil if there is none.
  func entry(
    at path: String, inTree tree: ObjectID, _ budget: inout TreeBudget
  ) throws(GitError) -> TreeEntry? {
    guard PathBytes.reasonAgainst(path) == nil else { return nil }
    let names = path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
    var folder = tree
    for (index, name) in names.enumerated() {
      let found: (mode: UInt32, id: ObjectID)?
      do throws(GitError) {
        found = try item(named: name, inTree: folder, &budget)
      } catch {
        throw error.at(
          index == 0
            ? "." : names[..<index].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/"))
      }
      guard let (mode, id) = found else { return nil }
      let last = index == names.count - 1
      if mode == FileMode.tree {
        if last { return nil }
        folder = id
      } else {
        return last ? TreeEntry(path: path, id: id, kind: FileMode.kind(mode)) : nil
      }
    }
    return nil
  }

  /// The mode and id of a name in a tree; nil if there is none.
  func item(
    named name: [UInt8], inTree tree: ObjectID, _ budget: inout TreeBudget
  ) throws(GitError) -> (mode: UInt32, id: ObjectID)? {
    var found: (mode: UInt32, id: ObjectID)?
    try forEachEntry(ofTree: tree, &budget) { (entry) throws(GitError) in
      if entry.name.elementsEqual(name) { found = (entry.mode, entry.objectID) }
      return found == nil
    }
    return found
  }
}
