import CLibgit2

extension RepositoryHandle {
  /// The note on a commit in a notes tree, with any fan-out; nil if there is none.
  func note(on commit: ObjectID, inTree tree: ObjectID) throws(GitError) -> ObjectID? {
    var budget = TreeBudget(TreeLimits(bytes: Self.bytesOfOneNote))
    return try note(on: commit, inTree: tree, &budget)
  }

  func note(
    on commit: ObjectID, inTree tree: ObjectID, _ budget: inout TreeBudget
  ) throws(GitError) -> ObjectID? {
    try place(ofNoteOn: commit, inTree: tree, &budget)?.id
  }

  /// Bytes of the folders that are read to find one note. Git and kdops distribute notes over subfolders, so those of
  /// a million notes are smaller.
  private static let bytesOfOneNote = 8 << 20

  /// The path and blob of the note on a commit.
  private func place(
    ofNoteOn commit: ObjectID, inTree tree: ObjectID, _ budget: inout TreeBudget
  ) throws(GitError) -> (path: String, id: ObjectID)? {
    var rest = Array(commit.hex.utf8)
    var folder = tree
    var path: [UInt8] = []
    while rest.count > 2 {
      if let (mode, id) = try item(named: rest, inTree: folder, &budget), mode != FileMode.tree {
        return (String(decoding: path + rest, as: UTF8.self), id)
      }
      let name = Array(rest.prefix(2))
      guard let (mode, id) = try item(named: name, inTree: folder, &budget), mode == FileMode.tree else {
        return nil
      }
      path += name + [UInt8(ascii: "/")]
      rest.removeFirst(2)
      folder = id
    }
    return nil
  }

  /// All notes of a tree: the blobs by commit.
  func notes(inTree tree: ObjectID) throws(GitError) -> [ObjectID: ObjectID] {
    var notes: [ObjectID: ObjectID] = [:]
    for entry in try entries(inTree: tree, .all, TreeLimits()) where entry.isFile {
      if let commit = ObjectID(hex: entry.path.filter { $0 != "/" }) { notes[commit] = entry.id }
    }
    return notes
  }

  /// The edits that put notes (nil removes one) into a notes tree.
  ///
  /// A note is written below the first two digits of its commit, as git does from about 256 notes on, or
  /// deeper if the tree is already deeper. A note at another path is removed, because git would join both.
  func edits(
    forNotes notes: [ObjectID: [UInt8]?], inTree tree: ObjectID?
  ) throws(GitError) -> [String: TreeEdit] {
    var edits: [String: TreeEdit] = [:]
    var budget = TreeBudget(TreeLimits())
    for (commit, content) in notes {
      if let tree, let old = try place(ofNoteOn: commit, inTree: tree, &budget) { edits[old.path] = .remove }
      guard let content else { continue }
      let path = try pathForNote(on: commit, inTree: tree, &budget)
      edits[path] = .put(mode: FileMode.file, id: try write(blob: content))
    }
    return edits
  }

  private func pathForNote(
    on commit: ObjectID, inTree tree: ObjectID?, _ budget: inout TreeBudget
  ) throws(GitError) -> String {
    var rest = Array(commit.hex.utf8)
    var path = Array(rest.prefix(2)) + [UInt8(ascii: "/")]
    var folder = tree
    rest.removeFirst(2)
    while rest.count > 2, let current = folder {
      let name = path.dropLast().suffix(2)
      guard let (mode, id) = try item(named: Array(name), inTree: current, &budget),
        mode == FileMode.tree, try isFannedOut(id, &budget)
      else { break }
      path += rest.prefix(2) + [UInt8(ascii: "/")]
      rest.removeFirst(2)
      folder = id
    }
    return String(decoding: path + rest, as: UTF8.self)
  }

  /// Whether a notes folder has only folders with two-digit names, and no notes of its own.
  private func isFannedOut(_ tree: ObjectID, _ budget: inout TreeBudget) throws(GitError) -> Bool {
    var (folders, others) = (0, 0)
    try forEachEntry(ofTree: tree, &budget) { (entry) throws(GitError) in
      if entry.isTree && entry.name.count == 2 { folders += 1 } else { others += 1 }
      return others == 0
    }
    return folders > 0 && others == 0
  }
}

extension GitRepository {
  /// The text of the note on a commit.
  ///
  /// - Parameters:
  ///   - ref: a ref of this repository, such as `refs/notes/kdops`.
  ///   - limit: the most bytes to read.
  ///   - budget: for one of several notes that share their limits; counts the folders that are read.
  /// - Returns: nil if the note or the ref does not exist, or the note is longer than the limit.
  public func note(
    on commit: ObjectID, ref: String, limit: Int = 1 << 20, budget: SharedTreeBudget? = nil
  ) throws(GitError) -> [UInt8]? {
    let handle = try opened()
    func find(from tip: ObjectID) throws(GitError) -> ObjectID? {
      guard let budget else { return try handle.note(on: commit, inTree: try handle.tree(ofCommit: tip)) }
      handle.budget = budget.unpacking
      return try budget.use { (budget) throws(GitError) in
        try handle.note(on: commit, inTree: try handle.commit(tip, &budget).tree, &budget)
      }
    }
    guard let tip = try handle.target(of: ref), let id = try find(from: tip),
      try handle.size(of: id, GIT_OBJECT_BLOB) <= limit
    else { return nil }
    return try handle.blob(id, limit: limit)
  }

  /// The blobs of all notes of a ref, by commit.
  public func notes(ref: String) throws(GitError) -> [ObjectID: ObjectID] {
    let handle = try opened()
    guard let tip = try handle.target(of: ref) else { return [:] }
    return try handle.notes(inTree: try handle.tree(ofCommit: tip))
  }
}
