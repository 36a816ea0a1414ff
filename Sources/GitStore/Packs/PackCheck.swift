import CLibgit2

/// Checks a whole pack before libgit2 indexes it.
///
/// libgit2's indexer rebuilds every delta, and does not free the base of a delta that it cannot unpack. After this
/// check, no entry is damaged, none needs more memory than allowed, and the total number of bytes is within a budget.
struct PackCheck: ~Copyable {
  /// Returns the type of an object that the repository already has, and the cost of reading it; nil if it is in no
  /// pack.
  typealias KnownObject = (ObjectID) throws(GitError) -> (type: git_object_t, cost: Int)?

  private let pack: MappedFile
  private let inflater: Inflater
  /// A buffer for unpacked bytes, which are discarded.
  private let buffer: UnsafeMutableRawBufferPointer
  private let budget: UnpackBudget
  /// The maximum size of one allocation, in bytes.
  private let limit: Int
  private let known: KnownObject
  /// Called repeatedly; throws to abort.
  private let tick: () throws(GitError) -> Void

  /// One entry, or an object outside of the pack.
  private struct Entry {
    var offset: Int
    /// The base: a position in `entries`, or -2 and below for a position in `others`.
    var base: Int32 = -1
    var size: UInt32
    var own: UInt32
    var isBlob: Bool
  }

  private var entries: [Entry] = []
  /// The bases of `REF_DELTA` entries that the pack does not contain (a thin pack).
  private var others: [Entry] = []
  private var otherPositions: [ObjectID: Int] = [:]
  private var kept = KeptBases()

  private static let headerCount = 12
  /// The maximum number of entries. This check and libgit2 use some hundred bytes of memory for each. With ten objects
  /// a commit, a history of four hundred thousand commits has as many.
  private static let most = 4_000_000
  /// The most bytes of one file. Files take no memory, but the time to unpack them.
  private static let largest = 4 << 30
  /// Pages of the pack that were read are released after this many bytes.
  private static let releasing = 16 << 20
  /// The offset up to which pages were released.
  private var released = 0

  init(
    _ pack: MappedFile, limit: Int, budget: UnpackBudget,
    known: @escaping KnownObject, tick: @escaping () throws(GitError) -> Void
  ) throws(GitError) {
    inflater = try Inflater()
    buffer = .allocate(byteCount: Self.chunk, alignment: 16)
    (self.pack, self.limit, self.budget, self.known, self.tick) = (pack, limit, budget, known, tick)
  }

  deinit { buffer.deallocate() }

  /// Checks all entries.
  ///
  /// - Throws: `GitError`: `.corruptRemote` if the pack is damaged, `.tooLarge` beyond a limit, and what `tick` throws.
  mutating func run() throws(GitError) {
    guard pack.bytes.starts(with: "PACK".utf8), let version = pack.bytes.number(at: 4),
      (2...3).contains(version),
      let count = pack.bytes.number(at: 8), pack.count >= Self.headerCount + ObjectID.byteCount
    else { throw damaged(0) }
    guard count <= Self.most else {
      throw GitError(
        .tooLarge, "the remote sent \(count) objects at once, more than the \(Self.most) that are fetched",
        hint: "keep the configuration in a smaller repository")
    }
    // Each entry takes at least nine bytes.
    entries.reserveCapacity(min(count, pack.count / 9))
    let bytes = UnsafeRawBufferPointer(rebasing: pack.bytes.dropLast(ObjectID.byteCount))
    var offset = Self.headerCount
    for _ in 0..<count { offset += try check(bytes, at: offset) }
    guard offset == bytes.count else { throw damaged(offset) }
  }

  /// - Returns: the length of the entry.
  private mutating func check(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(GitError) -> Int {
    guard let header = PackEntryHeader(bytes, at: offset) else { throw damaged(offset) }
    guard header.size <= Self.largest else {
      throw GitError(
        .tooLarge, "a file has \(header.size) bytes, more than the \(Self.largest) that are fetched",
        hint: "remove the file from the repository and its history")
    }
    let (length, sizes) = try unpack(bytes, at: offset + header.length, size: header.size)
    var entry = Entry(
      offset: offset, size: Self.clamped(header.size), own: Self.clamped(header.size), isBlob: true)
    switch header.content {
    case .whole(let type): entry.isBlob = type == GIT_OBJECT_BLOB
    case .delta(let at):
      guard let base = position(at: at) else { throw damaged(offset) }
      entry.base = Int32(truncatingIfNeeded: base)
      entry.isBlob = entries[base].isBlob
      guard let sizes, sizes.base == Int(entries[base].size) || sizes.base > Int(UInt32.max) else {
        throw damaged(offset)
      }
    case .deltaOf(let id):
      guard let sizes else { throw damaged(offset) }
      let base = try other(id, size: sizes.base)
      entry.base = Int32(truncatingIfNeeded: -2 - base)
      entry.isBlob = others[base].isBlob
    }
    if entry.base != -1, let sizes {
      // libgit2 reads commits on its own, with the standard limit.
      let limit = entry.isBlob || header.size < AllocationLimit.standard ? limit : 0
      guard sizes.base < limit, sizes.result < limit, header.size < limit else {
        throw GitError(
          .tooLarge,
          "an object, or the base of its delta, is too large to be unpacked",
          hint: GitError.repackingHint)
      }
      entry.size = Self.clamped(sizes.result)
      entry.own = Self.clamped(header.size + sizes.result)
    }
    entries.append(entry)
    if entry.base != -1 { try budget.take(cost(of: entries.count - 1), objectOf: Int(entry.size)) }
    return header.length + length
  }

  /// The bytes that libgit2 unpacks and rebuilds for an entry.
  private mutating func cost(of entry: Int) -> Int {
    let (entries, others) = (entries, others)
    return kept.cost(of: entry) { position in
      let entry = position >= 0 ? entries[position] : others[-2 - position]
      return (Int(entry.own) + DeltaChain.step, Int(entry.size), entry.base == -1 ? nil : Int(entry.base))
    }
  }

  /// The position of a base that is named by its id. An object that is neither in this pack nor in the repository's
  /// packs counts as a whole object.
  private mutating func other(_ id: ObjectID, size: Int) throws(GitError) -> Int {
    if let position = otherPositions[id] {
      guard Int(others[position].size) == size else { throw damaged(0) }
      return position
    }
    // libgit2 reads the base once, and then adds it to the pack.
    let object = try known(id)
    if let object { try budget.take(object.cost, objectOf: size) }
    others.append(
      Entry(
        offset: 0, size: Self.clamped(size), own: Self.clamped(size), isBlob: object?.type == GIT_OBJECT_BLOB)
    )
    otherPositions[id] = others.count - 1
    return others.count - 1
  }

  private func position(at offset: Int) -> Int? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].offset == offset ? low : nil
  }

  /// Unpacks an entry.
  ///
  /// - Returns: its compressed length, and the sizes at its beginning if it is a delta.
  private mutating func unpack(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, size: Int
  ) throws(GitError) -> (length: Int, sizes: DeltaSizes?) {
    inflater.restart()
    var (consumed, produced) = (0, 0)
    var sizes: DeltaSizes?
    while true {
      try tick()
      let step = inflater.step(UnsafeRawBufferPointer(rebasing: bytes[(offset + consumed)...]), into: buffer)
      if produced == 0 { sizes = DeltaSizes(UnsafeRawBufferPointer(rebasing: buffer[..<step.produced])) }
      consumed += step.consumed
      produced += step.produced
      if offset + consumed - released >= Self.releasing {
        pack.release(released..<offset + consumed)
        released = offset + consumed
      }
      if step.state == .ended { break }
      guard step.state == .open, step.consumed + step.produced > 0, produced <= size else {
        throw damaged(offset)
      }
    }
    guard produced == size else { throw damaged(offset) }
    return (consumed, sizes)
  }

  private static let chunk = 64 << 10

  private static func clamped(_ size: Int) -> UInt32 { UInt32(min(size, Int(UInt32.max))) }

  private func damaged(_ offset: Int) -> GitError {
    GitError(
      .corruptRemote, "the entry at byte \(offset) of the pack is damaged",
      hint: "run `git fsck` on the remote repository")
  }
}
