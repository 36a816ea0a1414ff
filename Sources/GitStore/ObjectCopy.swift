import CLibgit2

/// Copies commits, with all they need, from one object store on this machine to another.
///
/// libgit2's own transport for paths packs the whole repository anew at every fetch and runs no hooks on a
/// push, so paths go this way instead. What the target has is not looked at again: it holds a commit only
/// together with everything below it.
struct ObjectCopy {
  private let source: RepositoryHandle
  private let target: RepositoryHandle
  /// Called now and then; throws to give up.
  private let tick: () throws(GitError) -> Void
  private var seen: Set<ObjectID> = []
  /// What to write, each before everything that names it.
  private var wanted: [(id: ObjectID, type: git_object_t)] = []

  init(
    from source: RepositoryHandle, to target: RepositoryHandle, tick: @escaping () throws(GitError) -> Void
  ) {
    self.source = source
    self.target = target
    self.tick = tick
  }

  /// Above this, objects become one pack; below, files of their own.
  private static let packThreshold = 200

  /// Copies what the tips need and the target lacks.
  ///
  /// - Returns: how many objects were copied.
  /// - Throws: `GitError` of kind `.corruptRemote` where the source lacks something or cannot read it.
  mutating func copy(_ tips: [ObjectID]) throws(GitError) -> Int {
    do throws(GitError) {
      for tip in tips { try collect(tip) }
      if wanted.count > Self.packThreshold {
        try writePack()
      } else {
        for item in wanted { try copyOne(item.id, item.type) }
      }
      return wanted.count
    } catch {
      switch error.kind {
      case .gone, .corrupt, .malformed:
        throw GitError(
          .corruptRemote, "\(source.gitFolder) is damaged: \(error.message)", hint: "run `git fsck` there")
      default: throw error
      }
    }
  }

  private mutating func collect(_ tip: ObjectID) throws(GitError) {
    var commits: [(id: ObjectID, tree: ObjectID)] = []
    var pending = [try commit(behind: tip)]
    while let id = pending.popLast() {
      guard !target.hasNow(id), seen.insert(id).inserted else { continue }
      try tick()
      let info = try source.commit(id)
      commits.append((id, info.tree))
      pending += info.parents
    }
    // Found from the tips down. The order is kept by trees and blobs first, and commits from the oldest.
    for commit in commits.reversed() { try collect(tree: commit.tree, depth: 0) }
    wanted += commits.reversed().map { ($0.id, GIT_OBJECT_COMMIT) }
  }

  /// An annotated tag is copied as itself, and leads to its commit.
  private mutating func commit(behind tip: ObjectID) throws(GitError) -> ObjectID {
    var id = tip
    for _ in 0..<10 {
      guard let text = try? source.read(id, GIT_OBJECT_TAG).bytes else { return id }
      let first = text.prefix { $0 != UInt8(ascii: "\n") }
      guard first.starts(with: "object ".utf8),
        let next = ObjectID(hex: String(decoding: first.dropFirst(7), as: UTF8.self))
      else { return id }
      if !target.hasNow(id), seen.insert(id).inserted { wanted.append((id, GIT_OBJECT_TAG)) }
      id = next
    }
    return id
  }

  private mutating func collect(tree: ObjectID, depth: Int) throws(GitError) {
    guard !target.hasNow(tree), seen.insert(tree).inserted else { return }
    guard depth < 1000 else { throw GitError(.malformed, "folders are nested a thousand deep") }
    try tick()
    try source.forEachEntry(ofTree: tree) { (entry) throws(GitError) in
      if entry.isTree {
        try collect(tree: entry.objectID, depth: depth + 1)
      } else if entry.mode != FileMode.submodule {
        let id = entry.objectID
        if !target.hasNow(id), seen.insert(id).inserted { wanted.append((id, GIT_OBJECT_BLOB)) }
      }
      return true
    }
    wanted.append((tree, GIT_OBJECT_TREE))
  }

  private func copyOne(_ id: ObjectID, _ type: git_object_t) throws(GitError) {
    try tick()
    var written = git_oid()
    let code = try source.read(id, type).withBytes { bytes in
      git_odb_write(&written, target.objectStore, bytes.baseAddress, bytes.count, type)
    }
    try check(code, "write object \(id)")
    // The name is the checksum: a damaged object gets another one.
    guard ObjectID(written) == id else {
      throw GitError(.corrupt, "object \(id) has other content than its name says")
    }
  }

  private func writePack() throws(GitError) {
    let pack = try Owned("make a pack", release: git_packbuilder_free) {
      git_packbuilder_new(&$0, source.pointer)
    }
    git_packbuilder_set_threads(pack.pointer, 0)
    for item in wanted {
      try tick()
      var raw = item.id.raw
      try check(git_packbuilder_insert(pack.pointer, &raw, nil), "pack object \(item.id)")
    }
    let folder = target.gitFolder + "objects/pack"
    try check(git_packbuilder_write(pack.pointer, folder, 0, nil, nil), "write a pack into \(folder)")
    try check(git_odb_refresh(target.objectStore), "look at the new pack")
  }
}

extension RepositoryHandle {
  /// Whether an object is there, without looking for packs that came meanwhile.
  func hasNow(_ id: ObjectID) -> Bool {
    var raw = id.raw
    return git_odb_exists_ext(objectStore, &raw, GIT_ODB_LOOKUP_NO_REFRESH.rawValue) == 1
  }
}
