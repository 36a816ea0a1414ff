import CLibgit2

extension RepositoryHandle {
  /// The differences between two trees, by path; nil means an empty tree.
  ///
  /// Folders with the same id on both sides are not read, so the cost depends on the number of changed
  /// folders.
  ///
  /// - Throws: as `entries`.
  func changes(
    from old: ObjectID?, to new: ObjectID?, _ selection: PathSelection, _ limits: TreeLimits
  ) throws(GitError) -> [TreeChange] {
    var budget = TreeBudget(limits)
    return try changes(from: old, to: new, selection, &budget)
  }

  /// The changes between two trees, for several comparisons that share one limit. Objects that were read before an
  /// error count, too.
  func changes(
    from old: ObjectID?, to new: ObjectID?, _ selection: PathSelection, _ budget: inout TreeBudget
  ) throws(GitError) -> [TreeChange] {
    var diff = TreeDiff(handle: self, selection: selection, budget: budget)
    defer {
      budget = diff.budget
      budget.releaseAll()
    }
    try diff.compare(old, new, WalkPlace(state: selection.start))
    return diff.changes
  }
}

/// A running comparison of two trees; collects the changes found so far.
private struct TreeDiff {
  let handle: RepositoryHandle
  let selection: PathSelection
  var budget: TreeBudget
  var changes: [TreeChange] = []

  mutating func compare(_ old: ObjectID?, _ new: ObjectID?, _ place: WalkPlace) throws(GitError) {
    if old == new { return }
    do throws(GitError) {
      try budget.takeFolder()
      let before = try FolderBytes(old, in: handle, &budget)
      let after = try FolderBytes(new, in: handle, &budget)
      try budget.hold(before.count + after.count)
      // A closure around `self` would copy it, together with all changes found so far.
      try merge(TreeCursor(before.bytes), TreeCursor(after.bytes), place)
      budget.release(before.count + after.count)
      extendLifetime(before)
      extendLifetime(after)
    } catch {
      throw error.at(place.shown)
    }
  }

  private mutating func merge(
    _ old: TreeCursor, _ new: TreeCursor, _ place: WalkPlace
  ) throws(GitError) {
    var (left, right) = (old, new)
    try left.advance()
    try right.advance()
    while true {
      try budget.takeName()
      if TreeCursor.same(left, right) {
        try left.advance()
        try right.advance()
        continue
      }
      switch (left.current, right.current) {
      case (nil, nil): return
      case (let one?, nil):
        try take(one, nil, place)
        try left.advance()
      case (nil, let other?):
        try take(nil, other, place)
        try right.advance()
      case (let one?, let other?):
        let order = TreeCursor.compare(one, other)
        try take(order <= 0 ? one : nil, order >= 0 ? other : nil, place)
        if order <= 0 { try left.advance() }
        if order >= 0 { try right.advance() }
      }
    }
  }

  /// Handles one differing name: at least one side is given, and both only if both are folders or neither is.
  private mutating func take(
    _ old: TreeCursor.Entry?, _ new: TreeCursor.Entry?, _ place: WalkPlace
  ) throws(GitError) {
    let steps = selection.steps(old, new, at: place)
    if let change = steps.change {
      try budget.takeFile(change.path)
      changes.append(change)
    }
    switch (steps.before, steps.after) {
    case (.enter(let below), .enter): try compare(old?.objectID, new?.objectID, below)
    case (.enter(let below), _): try compare(old?.objectID, nil, below)
    case (_, .enter(let below)): try compare(nil, new?.objectID, below)
    default: break
    }
  }
}

/// The stored bytes of a folder, valid as long as this object; empty for a missing folder.
final class FolderBytes {
  /// The caller must extend this object's lifetime while it uses the bytes.
  let bytes: UnsafeRawBufferPointer
  private let object: RawObject?

  init(_ tree: ObjectID?, in handle: RepositoryHandle, _ budget: inout TreeBudget) throws(GitError) {
    guard let tree, tree != .emptyTree else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      object = nil
      return
    }
    let object = try handle.read(tree, GIT_OBJECT_TREE, &budget)
    bytes = object.unsafeBytes
    self.object = consume object
  }

  var count: Int { bytes.count }
}

extension PathSelection {
  /// Compares the entries with one name in two folders.
  ///
  /// - Returns: the change if the entry is a file in either folder, and for each folder whether to enter the entry.
  func steps(
    _ old: TreeCursor.Entry?, _ new: TreeCursor.Entry?, at place: WalkPlace
  ) -> (before: WalkStep, after: WalkStep, change: TreeChange?) {
    let before = old.map { step($0, at: place) } ?? .skip
    let after = new.map { step($0, at: place) } ?? .skip
    var (gone, come): (TreeEntry?, TreeEntry?)
    if case .take(let entry) = before { gone = entry }
    if case .take(let entry) = after { come = entry }
    let change = (come?.path ?? gone?.path).map { TreeChange(path: $0, old: gone, new: come) }
    return (before, after, change)
  }
}
