import CLibgit2
import Glibc

extension RepositoryHandle {
  /// The changes that `git commit` would make to a tree, by path; nil means an empty tree.
  ///
  /// Equal entries are compared in place and never copied, so one staged file among a hundred thousand costs
  /// little more than reading the index.
  ///
  /// - Throws: as `stagedEntries` and `entries`.
  func stagedChanges(
    since tree: ObjectID?, _ selection: PathSelection, _ limits: TreeLimits
  ) throws(GitError) -> [TreeChange] {
    let index = try readIndex()
    var diff = IndexDiff(
      handle: self, index: index.pointer, selection: selection, budget: TreeBudget(limits))
    let everything = 0..<git_index_entrycount(index.pointer)
    try diff.compare(tree, everything, WalkPlace(state: selection.start))
    return diff.changes
  }
}

/// A running comparison of a tree with the index; collects the changes found so far.
private struct IndexDiff {
  let handle: RepositoryHandle
  let index: OpaquePointer
  let selection: PathSelection
  var budget: TreeBudget
  var changes: [TreeChange] = []

  /// The next file or subfolder of one folder in the index.
  private struct Item {
    let entry: TreeCursor.Entry
    /// The position after the item; for a folder, after the last of its files.
    let end: Int
    let isUnmerged: Bool
  }

  /// - Parameter range: the entries of the index that are in this folder.
  mutating func compare(_ tree: ObjectID?, _ range: Range<Int>, _ place: WalkPlace) throws(GitError) {
    do throws(GitError) {
      try budget.takeFolder()
      let folder = try FolderBytes(tree, in: handle, &budget)
      try budget.hold(folder.count)
      try merge(TreeCursor(folder.bytes), range, place)
      budget.release(folder.count)
      extendLifetime(folder)
    } catch {
      throw error.at(place.shown)
    }
  }

  private mutating func merge(_ start: TreeCursor, _ range: Range<Int>, _ place: WalkPlace) throws(GitError) {
    var old = start
    try old.advance()
    var at = range.lowerBound
    while true {
      try budget.takeName()
      let new = item(from: &at, until: range.upperBound, place)
      if let new, new.isUnmerged, case .take(let entry) = selection.step(new.entry, at: place) {
        throw GitError(
          .conflict, "\(entry.path) is unmerged in the index", hint: "resolve the conflict and `git add` it")
      }
      switch (old.current, new) {
      case (nil, nil): return
      case (let one?, nil):
        try take(one, nil, 0..<0, place)
        try old.advance()
      case (nil, let other?):
        try take(nil, other.entry, at..<other.end, place)
        at = other.end
      case (let one?, let other?):
        let order = TreeCursor.compare(one, other.entry)
        if order != 0 || one.isTree || one.mode != other.entry.mode
          || memcmp(one.id, other.entry.id, ObjectID.byteCount) != 0
        {
          try take(order <= 0 ? one : nil, order >= 0 ? other.entry : nil, at..<other.end, place)
        }
        if order <= 0 { try old.advance() }
        if order >= 0 { at = other.end }
      }
    }
  }

  /// The file or folder at a position, in the form of a tree entry; skips entries that are only marked for a
  /// later add.
  private func item(from position: inout Int, until limit: Int, _ place: WalkPlace) -> Item? {
    while position < limit {
      guard let raw = git_index_get_byindex(index, position), let path = raw.pointee.path else { return nil }
      let intended = UInt32(raw.pointee.flags_extended) & GIT_INDEX_ENTRY_INTENT_TO_ADD.rawValue != 0
      if intended {
        position += 1
        continue
      }
      let bytes = UnsafeRawBufferPointer(start: path, count: strlen(path))
      let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(place.path.count))
      let slash = rest.firstIndex(of: UInt8(ascii: "/"))
      // libgit2 does not move its entries while the index is open.
      let id = UnsafeRawPointer(raw) + Self.idOffset
      let entry = TreeCursor.Entry(
        mode: slash == nil ? raw.pointee.mode : FileMode.tree,
        name: UnsafeRawBufferPointer(rebasing: rest[..<(slash ?? rest.count)]), id: id, range: 0..<0)
      let end =
        slash.map {
          self.end(of: UnsafeRawBufferPointer(rebasing: bytes[...(place.path.count + $0)]), position, limit)
        } ?? position + 1
      return Item(entry: entry, end: end, isUnmerged: slash == nil && git_index_entry_stage(raw) != 0)
    }
    return nil
  }

  private static let idOffset = MemoryLayout<git_index_entry>.offset(of: \.id) ?? 0

  /// The position after the last entry whose path has the prefix.
  private func end(of prefix: UnsafeRawBufferPointer, _ first: Int, _ limit: Int) -> Int {
    var (low, high) = (first + 1, limit)
    while low < high {
      let middle = (low + high) / 2
      if path(at: middle).starts(with: prefix) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func path(at position: Int) -> UnsafeRawBufferPointer {
    let path = git_index_get_byindex(index, position)?.pointee.path
    return UnsafeRawBufferPointer(start: path, count: path.map { strlen($0) } ?? 0)
  }

  /// Handles one differing name, as `TreeDiff` does.
  private mutating func take(
    _ old: TreeCursor.Entry?, _ new: TreeCursor.Entry?, _ range: Range<Int>, _ place: WalkPlace
  ) throws(GitError) {
    let steps = selection.steps(old, new, at: place)
    if let change = steps.change, change.old != change.new {
      try budget.takeFile(change.path)
      changes.append(change)
    }
    switch (steps.before, steps.after) {
    case (.enter(let below), .enter): try compare(old?.objectID, range, below)
    case (.enter(let below), _): try compare(old?.objectID, 0..<0, below)
    case (_, .enter(let below)): try compare(nil, range, below)
    default: break
    }
  }
}
