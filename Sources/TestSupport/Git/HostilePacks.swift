import Crypto
import Foundation

/// A pack that is built entry by entry: git itself makes no such packs, but every server accepts them.
public struct HandmadePack {
  public private(set) var bytes = Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 0, 0]
  /// Where each entry begins.
  public private(set) var offsets: [Int] = []

  public init() {}

  /// Adds an entry.
  ///
  /// - Parameters:
  ///   - type: 3 for a file, 6 for a delta against an earlier entry.
  ///   - size: of the unpacked content.
  ///   - content: in the format of zlib.
  ///   - base: the number of the earlier entry.
  public mutating func add(type: UInt8, size: Int, _ content: [UInt8], base: Int? = nil) {
    let start = bytes.count
    bytes.append(type << 4 | UInt8(size & 0xf) | (size > 0xf ? 0x80 : 0))
    if size > 0xf { bytes += Self.varied(size >> 4) }
    if let base { bytes += Self.distance(start - offsets[base]) }
    offsets.append(start)
    bytes += content
    let count = offsets.count
    for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: count >> (24 - 8 * index)) }
  }

  /// Adds a small file as a delta against an earlier entry.
  ///
  /// - Parameters:
  ///   - size: the size of the earlier entry's object.
  ///   - content: at most 127 bytes.
  public mutating func addDelta(to base: Int, ofSize size: Int, content: String) {
    let literal = Array(content.utf8)
    let delta = Self.varied(size) + Self.varied(literal.count) + [UInt8(literal.count)] + literal
    add(type: 6, size: delta.count, Self.stored(delta), base: base)
  }

  /// The pack with its checksum.
  public var finished: [UInt8] { bytes + Array(Insecure.SHA1.hash(data: bytes)) }

  /// A number in groups of seven bits, the lowest first, as at the beginning of a delta.
  public static func varied(_ number: Int) -> [UInt8] {
    var (rest, bytes) = (number, [UInt8]())
    while rest > 0x7f {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// The distance back to a base: in groups of seven bits, the highest first.
  private static func distance(_ number: Int) -> [UInt8] {
    var (rest, bytes) = (number >> 7, [UInt8(number & 0x7f)])
    while rest > 0 {
      rest -= 1
      bytes.insert(UInt8(rest & 0x7f) | 0x80, at: 0)
      rest >>= 7
    }
    return bytes
  }

  /// Bytes in the format of zlib, without compression.
  ///
  /// - Parameters:
  ///   - bytes: at most 65,535.
  ///   - emptyBlocks: how many blocks without content come first.
  public static func stored(_ bytes: [UInt8], after emptyBlocks: Int = 0) -> [UInt8] {
    var (low, high) = (UInt32(1), UInt32(0))
    for byte in bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    let count = UInt16(bytes.count)
    let sum = high << 16 | low
    let empty = Array(repeating: [UInt8]([0, 0, 0, 0xff, 0xff]), count: emptyBlocks).joined()
    return [0x78, 0x01] + empty
      + [1, UInt8(count & 0xff), UInt8(count >> 8), ~UInt8(count & 0xff), ~UInt8(count >> 8)]
      + bytes + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
  }
}

extension TemporaryRepository {
  /// Compresses the content with zlib, as git does.
  ///
  /// - Returns: the compressed bytes, and the blob with this content.
  public func compressed(_ content: Data) throws -> (bytes: [UInt8], blob: String) {
    let scratch = try TemporaryFolder()
    let file = scratch.path + "/content"
    try content.write(to: URL(fileURLWithPath: file))
    let blob = try git("hash-object", "-w", file)
    let name = try git("pack-objects", "--quiet", scratch.path + "/one", input: blob)
    let pack = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/one-\(name).pack"))
    let header = pack.dropFirst(12).prefix { $0 & 0x80 != 0 }.count + 1
    return (Array(pack.dropFirst(12 + header).dropLast(20)), blob)
  }

  /// Puts a pack into the repository.
  public func install(_ pack: HandmadePack, version: Int = 2) throws {
    let name = pack.finished.suffix(20).map { String(format: "%02x", $0) }.joined()
    let place = try git("rev-parse", "--absolute-git-dir") + "/objects/pack/pack-\(name).pack"
    try Data(pack.finished).write(to: URL(fileURLWithPath: place))
    try git("index-pack", "--index-version=\(version)", place)
  }

  /// The id that a file with this content has.
  public func blob(of content: String) throws -> String { try git("hash-object", "--stdin", input: content) }

  /// Stores a small file as a delta against a file of zeros, in a pack of a few kilobytes.
  ///
  /// - Parameters:
  ///   - size: the size of the file of zeros, in bytes.
  ///   - content: at most 127 bytes.
  /// - Returns: the blobs of both files.
  public func delta(
    againstZeros size: Int, content: String
  ) throws -> (small: String, zeros: String) {
    let (zeros, blob) = try compressed(Data(count: size))
    var pack = HandmadePack()
    pack.add(type: 3, size: size, zeros)
    pack.addDelta(to: 0, ofSize: size, content: content)
    try install(pack)
    try git("prune-packed", "--quiet")
    return (try self.blob(of: content), blob)
  }
}
