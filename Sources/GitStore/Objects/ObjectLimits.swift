import CLibgit2

/// Size limits above which an object is not read.
///
/// Objects are compressed, so a few kilobytes of a push may expand to gigabytes. The size is read from an
/// object's header before any of it is loaded.
enum ObjectLimits {
  /// Bytes of a commit with its message and signature.
  static let commit = 4 << 20
  /// Bytes of one folder: about three hundred thousand names.
  static let tree = 16 << 20
  /// Bytes of an annotated tag.
  static let tag = 1 << 20

  static func limit(of type: git_object_t) -> Int {
    switch type {
    case GIT_OBJECT_COMMIT: commit
    case GIT_OBJECT_TREE: tree
    default: tag
    }
  }
}

/// The content of a file in a repository, unless it is too large.
public enum BlobContent<Bytes> {
  case bytes(Bytes)
  /// Larger than the caller's limit; nothing was loaded.
  case tooLarge(size: Int)
  /// Stored as a delta against an object that is too large to be unpacked, or in a delta chain that is too deep.
  case baseTooLarge
}

extension BlobContent: Sendable where Bytes: Sendable {}

extension RepositoryHandle {
  /// The type and size of an object, from its header alone.
  ///
  /// - Throws: `GitError`: `.gone` if it does not exist (`.shallow` in a shallow clone), `.corrupt` if it
  ///   cannot be read.
  func header(of id: ObjectID) throws(GitError) -> (type: git_object_t, size: Int) {
    // libgit2 would follow the whole delta chain each time.
    if let chain = try packed(id)?.chain { return (chain.type, chain.size) }
    var raw = id.raw
    var size = 0
    var type = GIT_OBJECT_INVALID
    let code = git_odb_read_header(&size, &type, objectStore, &raw)
    guard code >= 0 else { throw missing(id, code) }
    return (type, size)
  }

  /// Reads a commit, a tree or a tag.
  ///
  /// - Throws: `GitError`: as `header(of:)`, `.malformed` if it has another type, `.tooLarge` beyond
  ///   `ObjectLimits`.
  func read(_ id: ObjectID, _ type: git_object_t) throws(GitError) -> RawObject {
    try read(id, type, size: try size(of: id, type))
  }

  /// Reads a commit, a tree or a tag whose size is known.
  func read(_ id: ObjectID, _ type: git_object_t, size: Int) throws(GitError) -> RawObject {
    let limit = ObjectLimits.limit(of: type)
    guard size <= limit else {
      throw GitError(
        .tooLarge, "the \(Self.name(of: type)) \(id) has \(size) bytes, more than the \(limit) that are read",
        hint: "replace it by a smaller one")
    }
    return try load(id)
  }

  /// The bytes of a blob.
  ///
  /// - Parameter limit: the largest allowed size in bytes.
  /// - Throws: as `read`.
  func blob(_ id: ObjectID, limit: Int) throws(GitError) -> [UInt8] {
    let size = try size(of: id, GIT_OBJECT_BLOB)
    guard size <= limit else {
      throw GitError(
        .tooLarge, "the file's content \(id.short) has \(size) bytes, more than the \(limit) that are read",
        hint: "make the file smaller")
    }
    return try load(id, size: size).bytes
  }

  /// The size of an object with the expected type.
  func size(of id: ObjectID, _ type: git_object_t) throws(GitError) -> Int {
    let header = try header(of: id)
    guard header.type == type else {
      throw GitError(
        .malformed, "object \(id) is a \(Self.name(of: header.type)), not a \(Self.name(of: type))",
        hint: "run `git fsck` on the repository")
    }
    return header.size
  }

  /// Reads an object.
  ///
  /// - Parameters:
  ///   - size: its size, which the caller has checked; needed for objects above `AllocationLimit.standard`.
  ///   - again: whether the operation has read the object before, so that it is not counted twice.
  ///
  /// - Throws: `GitError`: as `header(of:)`, and `.tooLarge` as `charge`.
  func load(_ id: ObjectID, size: Int = 0, again: Bool = false) throws(GitError) -> RawObject {
    var raw = id.raw
    var result: OpaquePointer?
    let code = try AllocationLimit.allowing(objectOf: size) { () throws(GitError) in
      if again { try chargeAgain(id) } else { try charge(id) }
      return git_odb_read(&result, objectStore, &raw)
    }
    guard code >= 0, let result else { throw missing(id, code) }
    return RawObject(Owned(result, release: git_odb_object_free))
  }

  /// Counts the bytes that libgit2 unpacks to read an object.
  ///
  /// - Throws: `GitError` of kind `.tooLarge` if libgit2 would exceed the limit of the calling thread's allocations, or
  ///   the operation its `budget`.
  func charge(_ id: ObjectID) throws(GitError) {
    guard let found = try packed(id) else { return }
    try budget.take(try checked(id, found).cost, objectOf: found.chain.size)
  }

  /// Checks the limits as `charge` does, for an object that the operation reads again. Its bytes are not counted twice.
  func chargeAgain(_ id: ObjectID) throws(GitError) {
    guard let found = try packed(id) else { return }
    _ = try checked(id, found)
  }

  /// - Throws: `GitError` of kind `.tooLarge` if libgit2 would exceed the limit of the calling thread's allocations.
  func checked(_ id: ObjectID, _ found: PackStore.Found) throws(GitError) -> PackStore.Found {
    if let refusal = refusal(of: id, found.chain) { throw refusal }
    return found
  }

  /// Why an object in a pack must not be read; nil if it can be read.
  private func refusal(of id: ObjectID, _ chain: DeltaChain) -> GitError? {
    if chain.fits(AllocationLimit.current) { return nil }
    let reason =
      chain.depth > DeltaChain.deepest
      ? "it is stored as a chain of \(chain.depth) deltas, more than the \(DeltaChain.deepest) that are read"
      : "an object, or the base of its delta, is too large to be unpacked"
    return GitError(.tooLarge, "cannot read object \(id): \(reason)", hint: GitError.repackingHint)
  }

  /// The size of a file; nil if its delta chain is too deep to be followed.
  func sizeOfFile(_ id: ObjectID) throws(GitError) -> Int? {
    do throws(GitError) {
      return try size(of: id, GIT_OBJECT_BLOB)
    } catch {
      guard error.kind == .tooLarge, !error.isExhausted else { throw error }
      return nil
    }
  }

  /// Whether a file of this size can be unpacked.
  func canUnpack(_ id: ObjectID, size: Int) throws(GitError) -> Bool {
    guard let found = try packed(id) else { return true }
    return AllocationLimit.allowing(objectOf: size) { refusal(of: id, found.chain) == nil }
  }

  /// The commit of an object: the object itself, or the target of an annotated tag.
  ///
  /// - Throws: `GitError` of kind `.malformed` for a file or a folder, which is not loaded.
  func commit(behind id: ObjectID) throws(GitError) -> ObjectID {
    var id = id
    for _ in 0..<10 {
      let type = try header(of: id).type
      if type == GIT_OBJECT_COMMIT { return id }
      guard type == GIT_OBJECT_TAG else {
        throw GitError(.malformed, "\(id.short) is a \(Self.name(of: type)), not a commit")
      }
      guard let next = try target(ofTag: id) else { break }
      id = next
    }
    throw GitError(.malformed, "the tag \(id.short) leads to no commit")
  }

  /// The target of an annotated tag; nil if it has none.
  func target(ofTag id: ObjectID) throws(GitError) -> ObjectID? {
    try read(id, GIT_OBJECT_TAG).withBytes { bytes in
      let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
      guard line.starts(with: "object ".utf8) else { return nil }
      return ObjectID(hex: String(decoding: line.dropFirst(7), as: UTF8.self))
    }
  }
}
