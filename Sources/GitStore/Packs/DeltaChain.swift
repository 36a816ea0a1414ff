import CLibgit2
import Synchronization

/// What it takes to read an entry of a pack: the entry itself and the objects of which it is a difference.
struct DeltaChain: Sendable {
  /// The type and size of the object.
  let type: git_object_t
  let size: Int
  /// How many differences are applied.
  private(set) var depth: Int
  /// The largest number of bytes that one step allocates: the base, the instructions or the result.
  private(set) var largest: Int
  /// The bytes that this entry alone takes: unpacked, and rebuilt if it is a difference.
  let own: Int
  /// The offset of the entry of which this one is a difference; nil for a whole object.
  let base: Int?

  /// The deepest chain that is read. git itself makes none that are deeper, and 50 by default.
  static let deepest = 4096

  /// Each step of a chain costs as much time as this many bytes, however small it is.
  static let step = 1024

  /// A whole object.
  init(whole type: git_object_t, size: Int) {
    (self.type, self.size) = (type, size)
    (depth, largest, own, base) = (0, size, size + Self.step, nil)
  }

  /// A difference.
  ///
  /// - Parameters:
  ///   - base: the chain of the base, and the offset of its entry.
  ///   - instructions: the size of the unpacked difference.
  init(_ base: (chain: DeltaChain, offset: Int), instructions: Int, result: Int) {
    (type, size) = (base.chain.type, result)
    depth = base.chain.depth + 1
    largest = max(base.chain.largest, instructions, result)
    own = instructions + result + Self.step
    self.base = base.offset
  }

  /// Whether libgit2 can read the object without exceeding a limit.
  ///
  /// libgit2 allocates one byte more than an object has. It does not free the base of a difference for which it gets
  /// no memory, so such an object must not be read at all.
  func fits(_ limit: Int) -> Bool { depth <= Self.deepest && largest < limit }

  /// The same with the depth and the largest step of another copy of the object, if they are larger.
  func worse(_ other: DeltaChain) -> DeltaChain {
    var chain = self
    chain.depth = max(depth, other.depth)
    chain.largest = max(largest, other.largest)
    return chain
  }
}

/// Which entries of one pack libgit2 has kept from earlier reads, by the same rules as libgit2.
///
/// libgit2 keeps the objects on which it applied differences, up to these limits for each pack, and drops all of them
/// when another one does not fit. All other bases are unpacked again each time.
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
  /// - Parameter link: of an entry: the bytes that it alone takes, the size of its object, and its base.
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

/// Limits the bytes that libgit2 unpacks for one operation, so that differences to large objects, or long chains of
/// them, cannot keep a reader busy.
final class UnpackBudget: Sendable {
  private let spent = Atomic<Int>(0)
  let limit: Int
  private let allowance: Allowance

  /// Which bytes do not count.
  enum Allowance {
    case none
    /// For operations that read a whole repository, which may have any number of objects: what git's own chains take.
    ///
    /// A folder with ten thousand names has half a megabyte, so each commit takes that for its folder. From objects
    /// above 1 MiB on, chains take so much more than the objects that they count.
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
        "more than \(limit >> 20) MiB have to be unpacked, because objects are stored as differences to large "
          + "objects or as long chains of differences",
        hint: GitError.repackingHint
      ).exhausted
    }
  }

  /// The bytes that were counted.
  var taken: Int { spent.load(ordering: .relaxed) }
}
