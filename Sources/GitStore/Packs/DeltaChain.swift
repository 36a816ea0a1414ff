import CLibgit2
import Synchronization

/// The cost of reading an entry of a pack: of the entry itself and of the bases of its deltas.
struct DeltaChain: Sendable {
  /// The type and size of the object.
  let type: git_object_t
  let size: Int
  /// The number of deltas that are applied.
  private(set) var depth: Int
  /// The largest number of bytes that one step allocates: the base, the instructions or the result.
  private(set) var largest: Int
  /// The bytes that this entry alone takes: unpacked, and rebuilt if it is a delta.
  let own: Int
  /// The offset of the entry that is this delta's base; nil for a whole object.
  let base: Int?

  /// The deepest chain that is read. git creates no deeper chains; its default is 50.
  static let deepest = 4096

  /// The least cost of one step of a chain, in bytes: even the smallest step takes time.
  static let step = 1024

  /// A whole object.
  init(whole type: git_object_t, size: Int) {
    (self.type, self.size) = (type, size)
    (depth, largest, own, base) = (0, size, size + Self.step, nil)
  }

  /// A delta.
  ///
  /// - Parameters:
  ///   - base: the chain of the base, and the offset of its entry.
  ///   - instructions: the size of the unpacked delta.
  init(_ base: (chain: DeltaChain, offset: Int), instructions: Int, result: Int) {
    (type, size) = (base.chain.type, result)
    depth = base.chain.depth + 1
    largest = max(base.chain.largest, instructions, result)
    own = instructions + result + Self.step
    self.base = base.offset
  }

  /// Whether libgit2 can read the object without exceeding a limit.
  ///
  /// libgit2 allocates one byte more than the object's size. If it gets no memory for a delta, it does not free the
  /// delta's base, so such an object must not be read at all.
  func fits(_ limit: Int) -> Bool { depth <= Self.deepest && largest < limit }

  /// The chain with the larger depth and the larger step of this and another copy of the object.
  func worse(_ other: DeltaChain) -> DeltaChain {
    var chain = self
    chain.depth = max(depth, other.depth)
    chain.largest = max(largest, other.largest)
    return chain
  }
}

/// Predicts which entries of one pack libgit2 has kept from earlier reads, by libgit2's own rules.
///
/// libgit2 keeps the bases to which it applied deltas, up to these limits for each pack, and drops all of them when
/// another one does not fit. All other bases are unpacked again each time.
struct KeptBases {
  private var offsets: Set<Int> = []
  private var bytes = 0

  private static let eachLimit = 1 << 20
  private static let limit = 16 << 20

  func contains(_ offset: Int) -> Bool { offsets.contains(offset) }

  mutating func add(_ offset: Int, size: Int) {
    guard size <= Self.eachLimit, !offsets.contains(offset) else { return }
    if bytes + size > Self.limit {
      offsets.removeAll(keepingCapacity: true)
      bytes = 0
    }
    offsets.insert(offset)
    bytes += size
  }

  /// The bytes that libgit2 unpacks and rebuilds to read an entry; marks its bases as kept.
  ///
  /// - Parameter link: returns for an entry the bytes that it alone takes, the size of its object, and its base.
  mutating func cost(of entry: Int, _ link: (Int) -> (own: Int, size: Int, base: Int?)?) -> Int {
    var cost = 0
    var bases: [(offset: Int, size: Int)] = []
    var next: Int? = entry
    while let offset = next, let link = link(offset) {
      if offset != entry {
        if offsets.contains(offset) { break }
        bases.append((offset, link.size))
      }
      cost += link.own
      next = link.base
    }
    for base in bases.reversed() { add(base.offset, size: base.size) }
    return cost
  }
}

/// Limits the bytes that libgit2 unpacks for one operation, so that deltas against large objects, or long delta
/// chains, cannot keep a reader busy.
final class UnpackBudget: Sendable {
  private let spent = Atomic<Int>(0)
  let limit: Int
  private let allowance: Allowance

  /// The bytes that do not count towards the limit.
  enum Allowance {
    case none
    /// For operations that read a whole repository, with any number of objects: the cost of chains that git itself
    /// creates.
    ///
    /// A folder with ten thousand names takes half a megabyte in each commit that changes it. The allowance does not
    /// grow for objects above 1 MiB, because their chains take many times their size.
    case eachObject

    fileprivate func bytes(for size: Int) -> Int {
      switch self {
      case .none: 0
      case .eachObject: max(256 << 10, 4 * min(max(size, 0), 1 << 20))
      }
    }
  }

  /// For one operation on a repository: some ten seconds of work.
  static let standard = 4 << 30

  init(_ limit: Int = standard, allowance: Allowance = .none) {
    (self.limit, self.allowance) = (limit, allowance)
  }

  /// Counts the bytes of one object.
  ///
  /// - Parameter size: of the object itself.
  /// - Throws: `GitError` of kind `.tooLarge` beyond the limit; its `isExhausted` is true.
  func take(_ bytes: Int, objectOf size: Int = 0) throws(GitError) {
    let counted = bytes - allowance.bytes(for: size)
    guard counted > 0 else { return }
    guard spent.wrappingAdd(counted, ordering: .relaxed).newValue <= limit else {
      throw GitError(
        .tooLarge,
        "more than \(limit >> 20) MiB have to be unpacked, because objects are stored as deltas against large "
          + "objects or as long delta chains",
        hint: GitError.repackingHint
      ).exhausted
    }
  }

  /// The bytes that were counted.
  var taken: Int { spent.load(ordering: .relaxed) }
}
