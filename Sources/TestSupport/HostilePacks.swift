import Crypto
import Foundation

/// Packs that no git client creates, and that every git server accepts.
extension TemporaryRepository {
  /// Stores a small file as a difference to one of zeros, in a pack of a few kilobytes.
  ///
  /// - Parameters:
  ///   - size: the size of the file of zeros, in bytes.
  ///   - content: at most 127 bytes.
  /// - Returns: the blobs of both files.
  public func difference(
    toZeros size: Int, content: String
  ) throws -> (small: String, zeros: String) {
    let scratch = try TemporaryFolder()
    let file = scratch.path + "/zeros"
    try Data().write(to: URL(fileURLWithPath: file))
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
    try handle.truncate(atOffset: UInt64(size))
    try handle.close()
    let zeros = try git("hash-object", "-w", file)
    let name = try git("pack-objects", "--quiet", scratch.path + "/one", input: zeros)
    var pack = try Array(Data(contentsOf: URL(fileURLWithPath: scratch.path + "/one-\(name).pack")))
    pack.removeLast(20)
    pack[11] = 2

    let literal = Array(content.utf8)
    let delta = Self.varied(size) + Self.varied(literal.count) + [UInt8(literal.count)] + literal
    // The type of the entry is a difference to the object whose id follows.
    pack.append(0x70 | UInt8(delta.count & 0xf) | 0x80)
    pack.append(UInt8(delta.count >> 4))
    pack += stride(from: 0, to: 40, by: 2).compactMap { UInt8(zeros.dropFirst($0).prefix(2), radix: 16) }
    pack += Self.stored(delta)
    pack += Array(Insecure.SHA1.hash(data: pack))

    let place = try git("rev-parse", "--absolute-git-dir") + "/objects/pack/pack-\(name).pack"
    try Data(pack).write(to: URL(fileURLWithPath: place))
    try git("index-pack", place)
    try git("prune-packed", "--quiet")
    return (try git("hash-object", "--stdin", input: content), zeros)
  }

  /// A number in groups of seven bits, the lowest first, as at the beginning of a difference.
  private static func varied(_ number: Int) -> [UInt8] {
    var (rest, bytes) = (number, [UInt8]())
    while rest > 0x7f {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// The bytes in the format of zlib, without compression.
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var (low, high) = (UInt32(1), UInt32(0))
    for byte in bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    let count = UInt16(bytes.count)
    let sum = high << 16 | low
    return [
      0x78, 0x01, 0x01, UInt8(count & 0xff), UInt8(count >> 8), ~UInt8(count & 0xff), ~UInt8(count >> 8),
    ]
      + bytes + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
  }
}
