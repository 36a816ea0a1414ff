import Glibc

/// Iterates over the entries of a tree object as git stores them: octal mode, space, name, NUL, 20 bytes of
/// id.
///
/// Works on the stored bytes without copying them, so comparing two versions of a folder with a hundred
/// thousand files costs little more than reading both.
struct TreeCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0
  private(set) var current: Entry?

  struct Entry {
    let mode: UInt32
    let name: UnsafeRawBufferPointer
    let id: UnsafeRawPointer
    /// The entry's position in the tree's bytes.
    let range: Range<Int>

    var isTree: Bool { mode == FileMode.tree }
    var objectID: ObjectID { ObjectID(unchecked: id) }
  }

  /// Starts before the first entry; `advance` moves to it.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Moves to the next entry; `current` is nil after the last one.
  ///
  /// - Throws: `GitError` of kind `.malformed` for bytes that are not a tree, or whose names are not in git's
  ///   order.
  mutating func advance() throws(GitError) {
    guard offset < bytes.count else {
      current = nil
      return
    }
    let start = offset
    var mode: UInt32 = 0
    var at = start
    while at < bytes.count, bytes[at] != UInt8(ascii: " ") {
      let digit = bytes[at] &- UInt8(ascii: "0")
      guard digit < 8, at - start < 7 else { throw Self.malformed("has a mode that is not octal") }
      mode = mode << 3 | UInt32(digit)
      at += 1
    }
    guard at > start, at < bytes.count, let base = bytes.baseAddress else {
      throw Self.malformed("ends within a mode")
    }
    let nameStart = at + 1
    guard let terminator = memchr(base + nameStart, 0, bytes.count - nameStart) else {
      throw Self.malformed("ends within a name")
    }
    let nameEnd = base.distance(to: UnsafeRawPointer(terminator))
    guard bytes.count - nameEnd > ObjectID.byteCount else { throw Self.malformed("ends within an id") }
    let next = Entry(
      mode: mode, name: UnsafeRawBufferPointer(rebasing: bytes[nameStart..<nameEnd]), id: base + nameEnd + 1,
      range: start..<(nameEnd + 1 + ObjectID.byteCount))
    if let current, Self.compare(current, next) >= 0 {
      throw Self.malformed("has names out of order or twice")
    }
    current = next
    offset = next.range.upperBound
  }

  /// Whether the current entries of two cursors are equal byte for byte.
  static func same(_ left: TreeCursor, _ right: TreeCursor) -> Bool {
    guard let one = left.current, let other = right.current, one.range.count == other.range.count,
      let here = left.bytes.baseAddress, let there = right.bytes.baseAddress
    else { return false }
    return memcmp(here + one.range.lowerBound, there + other.range.lowerBound, one.range.count) == 0
  }

  /// Compares in git's order: by bytes, a folder as if its name ended in `/`.
  static func compare(_ left: Entry, _ right: Entry) -> Int32 {
    let shared = min(left.name.count, right.name.count)
    if shared > 0, let one = left.name.baseAddress, let other = right.name.baseAddress {
      let order = memcmp(one, other, shared)
      if order != 0 { return order }
    }
    func byte(after entry: Entry) -> Int32 {
      if entry.name.count > shared { return Int32(entry.name[shared]) }
      return entry.isTree ? Int32(UInt8(ascii: "/")) : 0
    }
    return byte(after: left) - byte(after: right)
  }

  private static func malformed(_ what: String) -> GitError {
    GitError(
      .malformed, "a tree object \(what)",
      hint: "run `git fsck` on the repository and push a corrected history")
  }
}
