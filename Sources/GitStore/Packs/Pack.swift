import CLibgit2

/// One pack with its index. Reads headers of entries, and never unpacks more than a few bytes.
final class Pack {
  let path: String
  private let index: PackIndex
  private let file: MappedFile
  private let inflater: Inflater
  /// The delta chains of entries, by offset.
  private var chains: [Int: DeltaChain] = [:]
  private var kept = KeptBases()
  /// The entries whose chains are too long to be followed to their ends.
  private var endless: Set<Int> = []
  /// The number of delta headers that were read since the last call of `takeMeasured`.
  private var measured = 0

  /// The maximum number of chains that are remembered.
  private static let remembered = 100_000

  /// - Parameter path: of the index.
  /// - Returns: nil if the pack or its index cannot be read.
  init?(index path: String, _ inflater: Inflater) {
    let pack = path.dropLast(".idx".utf8.count) + ".pack"
    guard let index = PackIndex(path), let file = MappedFile(String(pack)) else { return nil }
    (self.path, self.index, self.file, self.inflater) = (path, index, file, inflater)
  }

  func offset(of id: ObjectID) -> Int? { index.offset(of: id) }

  /// The chain of an entry.
  ///
  /// - Throws: `GitError`: `.corrupt` if a header does not fit the format, `.tooLarge` if the chain is deeper than
  ///   `DeltaChain.deepest`. Its end is not searched then, so that a reader spends little time on it.
  func chain(at start: Int) throws(GitError) -> DeltaChain {
    if let known = chains[start] { return known }
    guard !endless.contains(start) else { throw tooDeep }
    var pending: [(offset: Int, instructions: Int, result: Int)] = []
    var offset = start
    var found: DeltaChain?
    while found == nil {
      found = chains[offset]
      if found != nil { break }
      guard let header = PackEntryHeader(file.bytes, at: offset) else { throw damaged(offset) }
      let base: Int?
      switch header.content {
      case .whole(let type):
        found = DeltaChain(whole: type, size: header.size)
        continue
      case .delta(let at): base = at
      // libgit2 searches the base only in the same pack.
      case .deltaOf(let id): base = index.offset(of: id)
      }
      guard let base, let sizes = sizes(at: offset + header.length) else { throw damaged(offset) }
      pending.append((offset, header.size, sizes.result))
      // Deltas that name their base by its id can also form a circle.
      if pending.count > DeltaChain.deepest { break }
      offset = base
    }
    measured += pending.count
    if chains.count + endless.count + pending.count > Self.remembered { forgetChains() }
    guard var chain = found else {
      endless.insert(start)
      throw tooDeep
    }
    for item in pending.reversed() {
      chain = DeltaChain((chain, offset), instructions: item.instructions, result: item.result)
      offset = item.offset
      chains[offset] = chain
    }
    return chain
  }

  private func forgetChains() {
    chains.removeAll(keepingCapacity: true)
    endless.removeAll()
  }

  private func damaged(_ offset: Int) -> GitError {
    GitError(
      .corrupt, "the entry at byte \(offset) of the pack of \(path) cannot be read",
      hint: "run `git fsck` there to see what is damaged")
  }

  private var tooDeep: GitError {
    GitError(
      .tooLarge, "an object is stored as a chain of more than \(DeltaChain.deepest) deltas",
      hint: GitError.repackingHint)
  }

  /// The sizes at the beginning of a delta.
  private func sizes(at offset: Int) -> DeltaSizes? {
    guard offset < file.count else { return nil }
    inflater.restart()
    return withUnsafeTemporaryAllocation(byteCount: DeltaSizes.longest, alignment: 1) { buffer in
      let input = UnsafeRawBufferPointer(
        rebasing: file.bytes[offset..<min(file.count, offset + Self.lookahead)])
      let step = inflater.step(input, into: buffer)
      return DeltaSizes(UnsafeRawBufferPointer(rebasing: buffer[..<step.produced]))
    }
  }

  /// The maximum number of compressed bytes that are read to unpack a delta's sizes; git needs fewer than a thousand.
  private static let lookahead = 64 << 10

  /// The bytes that libgit2 unpacks and rebuilds to read an entry, as if it read the entry now.
  func cost(of offset: Int) -> Int {
    kept.cost(of: offset) { (try? chain(at: $0)).map { ($0.own, $0.size, $0.base) } }
  }

  /// Returns how many delta headers were read since the last call.
  func takeMeasured() -> Int {
    defer { measured = 0 }
    return measured
  }

  /// Whether an entry is a blob that is stored whole and has this size.
  func hasWholeBlob(at offset: Int, size: Int) -> Bool {
    guard let header = PackEntryHeader(file.bytes, at: offset), case .whole(GIT_OBJECT_BLOB) = header.content
    else { return false }
    return header.size == size
  }

  /// The entries that begin at these offsets, in their order in the pack; nil if the index is damaged.
  func entries(at offsets: [Int], tick: () throws(GitError) -> Void) throws(GitError) -> [PackedEntry]? {
    let starts = offsets.sorted()
    guard let ends = try index.ends(of: starts, packSize: file.count, tick: tick) else { return nil }
    return zip(starts, ends).map { PackedEntry(pack: file, range: $0..<$1) }
  }
}

/// The place of an object's bytes in a pack.
struct PackedEntry {
  let pack: MappedFile
  /// The entry's header and its compressed content.
  let range: Range<Int>
}
