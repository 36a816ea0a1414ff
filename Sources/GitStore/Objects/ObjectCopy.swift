import CLibgit2

/// Copies commits, with everything they need, from one object store on this machine to another.
///
/// libgit2's own transport for paths repacks the whole repository at every fetch and runs no hooks on a push,
/// so this type replaces it for paths. Objects that exist in the target are not inspected again: the target
/// has a commit only together with everything below it.
struct ObjectCopy {
  private let source: RepositoryHandle
  private let target: RepositoryHandle
  /// Called repeatedly during the copy; throws to abort it.
  private let tick: () throws(GitError) -> Void
  private var seen: Set<ObjectID> = []
  /// The objects to write, each before every object that refers to it.
  private var wanted: [(id: ObjectID, type: git_object_t)] = []

  init(
    from source: RepositoryHandle, to target: RepositoryHandle, tick: @escaping () throws(GitError) -> Void
  ) {
    self.source = source
    self.target = target
    self.tick = tick
  }

  /// More objects than this become one pack; fewer become loose objects.
  private static let packThreshold = 200
  /// Objects larger than this many bytes are streamed and not packed: libgit2 packs with several whole
  /// objects in memory.
  private static let streamThreshold = 1 << 20

  /// Copies the objects that the tips need and the target lacks.
  ///
  /// - Returns: how many objects were copied.
  /// - Throws: `GitError` of kind `.corruptRemote` if the source lacks an object or cannot read it,
  ///   `.tooLarge` for a commit that is too large.
  mutating func copy(_ tips: [ObjectID]) throws(GitError) -> Int {
    source.budget = UnpackBudget(allowance: .eachObject)
    do throws(GitError) {
      for tip in tips { try collect(tip) }
      let copied = try copyLargePackedFiles()
      wanted.removeAll { copied.contains($0.id) }
      if wanted.count > Self.packThreshold, try !hasHugeFolder() {
        try writePack()
      } else {
        for item in wanted { try copyOne(item.id, item.type) }
      }
      return wanted.count + copied.count
    } catch {
      switch error.kind {
      case .gone, .corrupt:
        throw GitError(
          .corruptRemote, "\(source.gitFolder) is damaged: \(error.message)", hint: "run `git fsck` there")
      default: throw error
      }
    }
  }

  /// Whether a folder is too large for packing, which loads folders whole.
  private func hasHugeFolder() throws(GitError) -> Bool {
    for item in wanted where item.type == GIT_OBJECT_TREE {
      try tick()
      if try source.size(of: item.id, item.type) > ObjectLimits.tree { return true }
    }
    return false
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
    // The commits were collected from the tips down. Writing trees and blobs first, and commits from the
    // oldest on, keeps the order.
    for commit in commits.reversed() { try collect(tree: commit.tree) }
    wanted += commits.reversed().map { ($0.id, GIT_OBJECT_COMMIT) }
  }

  /// The commit of a tip. An annotated tag is copied too.
  private mutating func commit(behind tip: ObjectID) throws(GitError) -> ObjectID {
    var id = tip
    for _ in 0..<10 {
      guard try source.header(of: id).type == GIT_OBJECT_TAG, let next = try source.target(ofTag: id) else {
        break
      }
      if !target.hasNow(id), seen.insert(id).inserted { wanted.append((id, GIT_OBJECT_TAG)) }
      id = next
    }
    _ = try source.size(of: id, GIT_OBJECT_COMMIT)
    return id
  }

  /// Collects a tree. Uses a list instead of recursion, because folders may be nested to any depth.
  private mutating func collect(tree root: ObjectID) throws(GitError) {
    enum Step {
      case enter(ObjectID)
      /// Everything below the tree was collected.
      case leave(ObjectID)
    }
    var steps = [Step.enter(root)]
    while let step = steps.popLast() {
      switch step {
      case .leave(let tree): wanted.append((tree, GIT_OBJECT_TREE))
      case .enter(let tree):
        guard !target.hasNow(tree), seen.insert(tree).inserted else { continue }
        try tick()
        steps.append(.leave(tree))
        steps += try folders(in: tree).map { .enter($0) }
      }
    }
  }

  /// Collects the files of a folder.
  ///
  /// A folder that is malformed or too large is copied as it is, with the part of it that can be read. A
  /// reader reports the problem, and a later commit may have removed the folder.
  ///
  /// - Returns: the subfolders, each once.
  private mutating func folders(in tree: ObjectID) throws(GitError) -> Set<ObjectID> {
    var folders: Set<ObjectID> = []
    do throws(GitError) {
      // The same limit as for writing the folder: with a lower one, the folder could be copied without its files.
      try AllocationLimit.run(AllocationLimit.transfer) { () throws(GitError) in
        try source.forEachEntry(ofTree: tree) { (entry) throws(GitError) in
          let id = entry.objectID
          if entry.isTree {
            if !seen.contains(id) { folders.insert(id) }
          } else if entry.mode != FileMode.submodule, !target.hasNow(id), seen.insert(id).inserted {
            wanted.append((id, GIT_OBJECT_BLOB))
          }
          return true
        }
      }
    } catch {
      guard try isReadInPart(tree, error) else { throw error }
    }
    return folders
  }

  /// Whether a folder is malformed or too large, so that no reader can read it. An object of another type is an
  /// error, not a malformed folder.
  private func isReadInPart(_ tree: ObjectID, _ error: GitError) throws(GitError) -> Bool {
    guard error.isOfOneObject else { return false }
    let header = try source.header(of: tree)
    return header.type == GIT_OBJECT_TREE && (error.kind == .malformed || header.size > ObjectLimits.tree)
  }

  private func copyOne(_ id: ObjectID, _ type: git_object_t) throws(GitError) {
    try tick()
    let size = try source.size(of: id, type)
    if size > Self.streamThreshold, try stream(id, type, size) { return }
    var written = git_oid()
    let code = try AllocationLimit.run(AllocationLimit.transfer) { () throws(GitError) in
      // All but files were read when they were collected.
      try source.load(id, again: type != GIT_OBJECT_BLOB).withBytes { bytes in
        git_odb_write(&written, target.objectStore, bytes.baseAddress, bytes.count, type)
      }
    }
    try check(code, "write object \(id)")
    try confirm(written, id)
  }

  /// Copies the large files that are in packs of the source into one pack, without unpacking them. They are copied
  /// first, because files refer to no other objects.
  ///
  /// - Returns: the copied files; files that are stored as deltas or in no pack are not among them.
  private func copyLargePackedFiles() throws(GitError) -> Set<ObjectID> {
    var large: [(id: ObjectID, size: Int)] = []
    for item in wanted where item.type == GIT_OBJECT_BLOB {
      try tick()
      let size = try source.size(of: item.id, item.type)
      if size > Self.streamThreshold { large.append((item.id, size)) }
    }
    if large.isEmpty { return [] }
    let (copied, entries) = try source.packs.wholeBlobs(large, tick: tick)
    if entries.isEmpty { return [] }
    try PackOfEntries.write(entries, to: target.gitFolder + "objects/pack", tick: tick)
    try check(git_odb_refresh(target.objectStore), "look at the new pack")
    for id in copied where !target.hasNow(id) { throw differs(id) }
    return copied
  }

  /// Checks the written id against the expected one. The id is a checksum, so a damaged object gets another
  /// id.
  private func confirm(_ written: git_oid, _ id: ObjectID) throws(GitError) {
    guard ObjectID(written) == id else { throw differs(id) }
  }

  private func differs(_ id: ObjectID) -> GitError {
    GitError(.corrupt, "object \(id) has other content than its name says")
  }

  /// Copies an object in chunks.
  ///
  /// - Returns: false if the object is in a pack, from which libgit2 returns only whole objects.
  private func stream(_ id: ObjectID, _ type: git_object_t, _ size: Int) throws(GitError) -> Bool {
    var (raw, length, found) = (id.raw, 0, type)
    var opened: UnsafeMutablePointer<git_odb_stream>?
    guard git_odb_open_rstream(&opened, &length, &found, source.objectStore, &raw) >= 0, let input = opened
    else {
      git_error_clear()
      return false
    }
    defer { git_odb_stream_free(input) }
    var made: UnsafeMutablePointer<git_odb_stream>?
    try check(
      git_odb_open_wstream(&made, target.objectStore, git_object_size_t(size), type), "write object \(id)")
    guard let output = made else { return false }
    defer { git_odb_stream_free(output) }
    var buffer = [CChar](repeating: 0, count: 128 * 1024)
    var left = size
    while left > 0 {
      try tick()
      let got = git_odb_stream_read(input, &buffer, buffer.count)
      guard got > 0 else { throw GitError.last(-1, "read object \(id)") }
      try check(git_odb_stream_write(output, buffer, Int(got)), "write object \(id)")
      left -= Int(got)
    }
    var written = git_oid()
    try check(git_odb_stream_finalize_write(&written, output), "write object \(id)")
    try confirm(written, id)
    return true
  }

  /// Writes one pack. Large files become loose objects, before the objects that refer to them.
  private func writePack() throws(GitError) {
    let pack = try Owned("make a pack", release: git_packbuilder_free) {
      git_packbuilder_new(&$0, source.pointer)
    }
    git_packbuilder_set_threads(pack.pointer, 0)
    for item in wanted {
      try tick()
      if item.type == GIT_OBJECT_BLOB, try source.size(of: item.id, item.type) > Self.streamThreshold {
        try copyOne(item.id, item.type)
        continue
      }
      try AllocationLimit.run(AllocationLimit.transfer) { () throws(GitError) in
        // All but files were read when they were collected.
        if item.type == GIT_OBJECT_BLOB {
          try source.charge(item.id)
        } else {
          try source.chargeAgain(item.id)
        }
      }
      var raw = item.id.raw
      // The list of objects is one allocation.
      let code = AllocationLimit.run(AllocationLimit.none) { git_packbuilder_insert(pack.pointer, &raw, nil) }
      try check(code, "pack object \(item.id)")
    }
    let folder = target.gitFolder + "objects/pack"
    let code = AllocationLimit.run(AllocationLimit.transfer) {
      git_packbuilder_write(pack.pointer, folder, 0, nil, nil)
    }
    try check(code, "write a pack into \(folder)")
    try check(git_odb_refresh(target.objectStore), "look at the new pack")
  }
}

extension RepositoryHandle {
  /// Whether an object exists, without a search for new packs.
  func hasNow(_ id: ObjectID) -> Bool {
    var raw = id.raw
    return git_odb_exists_ext(objectStore, &raw, GIT_ODB_LOOKUP_NO_REFRESH.rawValue) == 1
  }
}
