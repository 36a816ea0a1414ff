import Glibc

/// Where the bytes of an object are in a pack.
struct PackedEntry: Hashable {
  let pack: String
  /// The entry's header and its compressed content.
  let range: Range<Int>
}

/// Finds objects in the packs of a repository, by the packs' indexes.
///
/// libgit2 returns objects from packs only whole. With their place they can be copied without being unpacked.
struct PackIndexes {
  private var indexes: [PackIndex]

  /// - Parameter objects: the folder with the repository's objects, with a `/` at the end.
  init(objects: String) {
    var found: [PackIndex] = []
    for folder in [objects] + Self.alternates(of: objects) {
      Folders.forEachName(in: folder + "pack") { name in
        if name.hasSuffix(".idx"), let index = PackIndex(folder + "pack/" + name) { found.append(index) }
      }
    }
    indexes = found
  }

  /// The object folders whose objects the repository shares.
  private static func alternates(of objects: String) -> [String] {
    (FileText.read(objects + "info/alternates") ?? "").split(separator: "\n").map { line in
      let folder = line.utf8.first == UInt8(ascii: "/") ? String(line) : objects + String(line)
      return folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
    }
  }

  /// The entry of a blob that is stored whole.
  ///
  /// - Returns: nil if it is in no pack, is stored as a difference, or has another size.
  mutating func wholeBlob(_ id: ObjectID, size: Int) -> PackedEntry? {
    for position in indexes.indices {
      if let entry = indexes[position].wholeBlob(id, size: size) { return entry }
    }
    return nil
  }
}

/// The index of one pack, in version 2 of git's format. What does not fit the format counts as not found.
private struct PackIndex {
  private let pack: String
  private let index: FileBytes
  private let count: Int
  /// The beginnings of all entries, sorted; read at the first question.
  private var offsets: [Int]?

  private static let header = 8 + 256 * 4
  /// The most objects of a pack that is searched, since all their offsets are held in memory.
  private static let countLimit = 2 << 20

  init?(_ path: String) {
    guard let file = FileBytes(path), file.number(at: 0) == 0xff74_4f63, file.number(at: 4) == 2,
      let count = file.number(at: Self.header - 4), count <= Self.countLimit
    else { return nil }
    pack = path.dropLast(".idx".count) + ".pack"
    (index, self.count) = (file, count)
  }

  mutating func wholeBlob(_ id: ObjectID, size: Int) -> PackedEntry? {
    guard let position = position(of: id), let offset = offset(at: position), let file = FileBytes(pack),
      let end = self.end(of: offset, packSize: file.count),
      Self.isWholeBlob(file.bytes(at: offset, count: 16), size: size)
    else { return nil }
    return PackedEntry(pack: pack, range: offset..<end)
  }

  private func position(of id: ObjectID) -> Int? {
    let wanted = Array(id.bytes)
    let first = Int(wanted[0])
    guard var high = index.number(at: 8 + first * 4),
      var low = first == 0 ? 0 : index.number(at: 4 + first * 4), high <= count
    else { return nil }
    while low < high {
      let middle = (low + high) / 2
      let found = index.bytes(at: Self.header + middle * ObjectID.byteCount, count: ObjectID.byteCount)
      guard found.count == ObjectID.byteCount else { return nil }
      if found == wanted { return middle }
      if found.lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  private var offsetTable: Int { Self.header + count * (ObjectID.byteCount + 4) }

  private func offset(at position: Int) -> Int? {
    index.number(at: offsetTable + position * 4).flatMap(whole)
  }

  /// The offset that a number of the table stands for: itself, or the place of one in the table of long ones.
  private func whole(_ number: Int) -> Int? {
    guard number & 0x8000_0000 != 0 else { return number }
    let place = offsetTable + count * 4 + (number & 0x7fff_ffff) * 8
    guard let high = index.number(at: place), let low = index.number(at: place + 4), high < 1 << 30 else {
      return nil
    }
    return high << 32 | low
  }

  /// Where the entry ends that begins at an offset: at the next one, or at the pack's checksum.
  private mutating func end(of offset: Int, packSize: Int) -> Int? {
    if offsets == nil {
      let table = index.bytes(at: offsetTable, count: count * 4)
      guard table.count == count * 4 else { return nil }
      offsets = (0..<count).compactMap { whole(FileBytes.number(table[($0 * 4)..<($0 * 4 + 4)])) }.sorted()
    }
    guard let offsets, offsets.count == count else { return nil }
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if offsets[middle] <= offset { low = middle + 1 } else { high = middle }
    }
    let last = packSize - ObjectID.byteCount
    let end = low < count ? min(offsets[low], last) : last
    return end > offset ? end : nil
  }

  /// Whether an entry begins as one of a blob that is no difference.
  private static func isWholeBlob(_ bytes: [UInt8], size: Int) -> Bool {
    guard let first = bytes.first, first >> 4 & 7 == 3 else { return false }
    var (found, shift, isOpen) = (Int(first & 0xf), 4, first & 0x80 != 0)
    for byte in bytes.dropFirst() where isOpen {
      guard shift < 60 else { return false }
      found |= Int(byte & 0x7f) << shift
      shift += 7
      isOpen = byte & 0x80 != 0
    }
    return !isOpen && found == size
  }
}

/// A file that is read at chosen places.
final class FileBytes {
  private let descriptor: Int32
  let count: Int

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      if descriptor >= 0 { close(descriptor) }
      return nil
    }
    count = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Bytes of the file; fewer at its end or if it cannot be read.
  func bytes(at offset: Int, count: Int) -> [UInt8] {
    let count = max(0, min(count, self.count - offset))
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      done = 0
      while done < count {
        let got = pread(
          descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
        guard got > 0 else { return }
        done += got
      }
    }
  }

  /// Four bytes as a number, the highest first.
  func number(at offset: Int) -> Int? {
    let bytes = bytes(at: offset, count: 4)
    return bytes.count == 4 ? Self.number(bytes[...]) : nil
  }

  static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}
