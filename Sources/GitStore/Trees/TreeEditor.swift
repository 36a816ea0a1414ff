import CLibgit2

/// A change to one path of a tree.
enum TreeEdit {
  case put(mode: UInt32, id: ObjectID)
  case remove
}

extension RepositoryHandle {
  func write(blob content: [UInt8]) throws(GitError) -> ObjectID {
    try write(content, GIT_OBJECT_BLOB)
  }

  func write(_ content: [UInt8], _ type: git_object_t) throws(GitError) -> ObjectID {
    var raw = git_oid()
    let code = content.withUnsafeBytes { git_odb_write(&raw, objectStore, $0.baseAddress, $0.count, type) }
    try check(code, "write a \(Self.name(of: type))")
    return ObjectID(raw)
  }

  /// Writes a tree: the base with some paths changed. Folders are created and removed as needed.
  ///
  /// A file replaces a folder at the same path, and a folder replaces a file.
  ///
  /// - Returns: nil if the tree becomes empty.
  /// - Throws: `GitError` of kind `.invalid` for a path that must not be written (`..`, `.git`, control
  ///   characters).
  func writeTree(base: ObjectID?, edits: [String: TreeEdit]) throws(GitError) -> ObjectID? {
    var root = EditedFolder()
    for (path, edit) in edits.sorted(by: { $0.key < $1.key }) {
      if PathBytes.reasonAgainst(path) != nil {
        throw GitError(
          .invalid, "the path `\(PathBytes.quoted(path.utf8))` cannot be written",
          hint: "use names without `..`, `.git` and control characters")
      }
      root.set(path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }[...], edit)
    }
    return try write(root, over: base)
  }

  /// Writes a tree as `writeTree` does. If nothing is left, writes the empty tree.
  func writeTreeEvenEmpty(base: ObjectID?, edits: [String: TreeEdit]) throws(GitError) -> ObjectID {
    if let tree = try writeTree(base: base, edits: edits) { return tree }
    return try write([], GIT_OBJECT_TREE)
  }

  private func write(_ folder: EditedFolder, over base: ObjectID?) throws(GitError) -> ObjectID? {
    if folder.files.isEmpty && folder.folders.isEmpty { return base == .emptyTree ? nil : base }
    var entries: [[UInt8]: (mode: UInt32, id: ObjectID)] = [:]
    if let base {
      try forEachEntry(ofTree: base) { (entry) throws(GitError) in
        entries[Array(entry.name)] = (entry.mode, entry.objectID)
        return true
      }
    }
    for (name, edit) in folder.files {
      switch edit {
      case .put(let mode, let id): entries[name] = (mode, id)
      // Removing a file never removes a folder with the same name.
      case .remove: if entries[name]?.mode != FileMode.tree { entries[name] = nil }
      }
    }
    for (name, below) in folder.folders {
      let old = entries[name].flatMap { $0.mode == FileMode.tree ? $0.id : nil }
      if let id = try write(below, over: old) {
        entries[name] = (FileMode.tree, id)
      } else if entries[name]?.mode == FileMode.tree {
        entries[name] = nil
      }
    }
    return entries.isEmpty ? nil : try write(Self.encode(entries), GIT_OBJECT_TREE)
  }

  private static func encode(_ entries: [[UInt8]: (mode: UInt32, id: ObjectID)]) -> [UInt8] {
    let sorted = entries.map { name, item in
      (key: item.mode == FileMode.tree ? name + [UInt8(ascii: "/")] : name, name: name, item: item)
    }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    var bytes: [UInt8] = []
    for entry in sorted {
      bytes += Array(String(entry.item.mode, radix: 8).utf8)
      bytes.append(UInt8(ascii: " "))
      bytes += entry.name
      bytes.append(0)
      bytes += entry.item.id.bytes
    }
    return bytes
  }
}

/// The edits of one folder and its subfolders.
private struct EditedFolder {
  var files: [[UInt8]: TreeEdit] = [:]
  var folders: [[UInt8]: EditedFolder] = [:]

  mutating func set(_ names: ArraySlice<[UInt8]>, _ edit: TreeEdit) {
    guard let first = names.first else { return }
    if names.count == 1 {
      files[first] = edit
    } else {
      folders[first, default: EditedFolder()].set(names.dropFirst(), edit)
    }
  }
}
