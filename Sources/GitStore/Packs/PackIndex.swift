import Glibc

/// The index of one pack, in version 1 or 2 of git's format: where the objects are in the pack.
struct PackIndex {
  private let file: MappedFile
  let count: Int
  private let layout: Layout

  /// The places of the parts of the file. Version 1 has one table with the offset and id of each object. Version 2
  /// has separate tables of ids, checksums, offsets, and offsets of 2 GiB and more.
  private struct Layout {
    let fanout: Int
    let ids: Int
    let idStride: Int
    let offsets: Int
    let offsetStride: Int
    let longOffsets: Int?
  }

  private static let fanoutBytes = 256 * 4

  /// - Returns: nil if the file cannot be read or does not fit the format.
  init?(_ path: String) {
    guard let file = MappedFile(path), let mark = file.bytes.number(at: 0) else { return nil }
    let isSecond = mark == 0xff74_4f63
    if isSecond, file.bytes.number(at: 4) != 2 { return nil }
    let fanout = isSecond ? 8 : 0
    let start = fanout + Self.fanoutBytes
    guard let count = file.bytes.number(at: start - 4) else { return nil }
    let size = ObjectID.byteCount
    if isSecond {
      let offsets = start + count * (size + 4)
      layout = Layout(
        fanout: fanout, ids: start, idStride: size, offsets: offsets, offsetStride: 4,
        longOffsets: offsets + count * 4)
    } else {
      layout = Layout(
        fanout: fanout, ids: start + 4, idStride: size + 4, offsets: start, offsetStride: size + 4,
        longOffsets: nil)
    }
    guard count == 0 || layout.offsets + (count - 1) * layout.offsetStride + 4 <= file.count,
      count == 0 || layout.ids + (count - 1) * layout.idStride + size <= file.count
    else { return nil }
    (self.file, self.count) = (file, count)
  }

  /// The offset of an object's entry; nil if the pack does not have it.
  func offset(of id: ObjectID) -> Int? { position(of: id).flatMap(offset) }

  private func position(of id: ObjectID) -> Int? {
    let bytes = file.bytes
    guard let start = bytes.baseAddress else { return nil }
    var raw = id.raw.id
    return withUnsafeBytes(of: &raw) { wanted in
      let first = Int(wanted[0])
      guard var high = bytes.number(at: layout.fanout + first * 4),
        var low = first == 0 ? 0 : bytes.number(at: layout.fanout + (first - 1) * 4), high <= count,
        let key = wanted.baseAddress
      else { return nil }
      while low < high {
        let middle = (low + high) / 2
        let order = memcmp(start + layout.ids + middle * layout.idStride, key, ObjectID.byteCount)
        if order == 0 { return middle }
        if order < 0 { low = middle + 1 } else { high = middle }
      }
      return nil
    }
  }

  private func offset(at position: Int) -> Int? {
    file.bytes.number(at: layout.offsets + position * layout.offsetStride).flatMap(whole)
  }

  /// Resolves a number of the offset table: it is an offset, or an index into the table of long offsets.
  private func whole(_ number: Int) -> Int? {
    guard let longOffsets = layout.longOffsets, number & 0x8000_0000 != 0 else { return number }
    let place = longOffsets + (number & 0x7fff_ffff) * 8
    guard let high = file.bytes.number(at: place), let low = file.bytes.number(at: place + 4), high < 1 << 30
    else { return nil }
    return high << 32 | low
  }

  /// The ends of entries: the beginning of the next entry, or of the pack's checksum.
  ///
  /// Visits all offsets of the index once.
  ///
  /// - Parameters:
  ///   - starts: the offsets of the entries, ascending and different.
  ///   - tick: called repeatedly; throws to abort.
  /// - Returns: nil if an offset cannot be read, or an entry would be empty.
  func ends(
    of starts: [Int], packSize: Int, tick: () throws(GitError) -> Void
  ) throws(GitError) -> [Int]? {
    var ends = Array(repeating: packSize - ObjectID.byteCount, count: starts.count)
    for position in 0..<count {
      if position % 100_000 == 0 { try tick() }
      guard let other = offset(at: position) else { return nil }
      // Only the last entry that begins before this offset can end at it; the others end where the next entry begins.
      var (low, high) = (0, starts.count)
      while low < high {
        let middle = (low + high) / 2
        if starts[middle] < other { low = middle + 1 } else { high = middle }
      }
      if low > 0, other < ends[low - 1] { ends[low - 1] = other }
    }
    for index in ends.indices {
      if index + 1 < starts.count { ends[index] = min(ends[index], starts[index + 1]) }
      guard ends[index] > starts[index] else { return nil }
    }
    return ends
  }
}
