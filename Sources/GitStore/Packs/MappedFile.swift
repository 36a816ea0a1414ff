import Glibc

/// A file that is mapped read-only. Pages that are never read take no memory.
///
/// Used for packs and their indexes, which git creates once and never changes; libgit2 maps the same files.
final class MappedFile {
  /// Valid as long as this object: the caller must extend its lifetime.
  let bytes: UnsafeRawBufferPointer

  /// - Returns: nil if the file cannot be read or is empty.
  convenience init?(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    self.init(descriptor: descriptor)
  }

  /// - Parameter descriptor: an open file, which the mapping does not need any longer.
  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size > 0 else { return nil }
    let count = Int(status.st_size)
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      return nil
    }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  var count: Int { bytes.count }

  /// Releases the memory of a range's pages until they are read again.
  func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard page > 0 else { return }
    let start = range.lowerBound / page * page
    let end = min(range.upperBound, count) / page * page
    guard start < end, let base = bytes.baseAddress else { return }
    madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
  }
}

extension UnsafeRawBufferPointer {
  /// Four bytes as a number, the highest first; nil beyond the end.
  func number(at offset: Int) -> Int? {
    guard offset >= 0, offset <= count - 4 else { return nil }
    return Int(UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}
