import CLibgit2

/// The SHA-1 id of a git object: 20 bytes.
///
/// Ordered by bytes, as git orders ids; this is also the order of their hexadecimal form.
public struct ObjectID: Sendable, Hashable, Comparable {
  private let high: UInt64
  private let middle: UInt64
  private let low: UInt32

  /// The number of bytes in an id.
  static let byteCount = 20
  /// The number of hexadecimal digits in an id.
  public static let hexCount = 40
  /// The id that git writes for "no object".
  static let zero = ObjectID(high: 0, middle: 0, low: 0)
  /// The empty tree, which every repository knows without storing it.
  static let emptyTree = ObjectID(
    high: 0x4b82_5dc6_42cb_6eb9, middle: 0xa060_e54b_f8d6_9288, low: 0xfbee_4904)

  private init(high: UInt64, middle: UInt64, low: UInt32) {
    self.high = high
    self.middle = middle
    self.low = low
  }

  /// Parses 40 hexadecimal digits of either case; nil for anything else.
  public init?(hex: some StringProtocol) {
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var count = 0
    for byte in hex.utf8 {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: return nil
      }
      switch count {
      case 0..<16: words.0 = words.0 << 4 | UInt64(digit)
      case 16..<32: words.1 = words.1 << 4 | UInt64(digit)
      case 32..<40: words.2 = words.2 << 4 | UInt64(digit)
      default: return nil
      }
      count += 1
    }
    guard count == Self.hexCount else { return nil }
    self.init(high: words.0, middle: words.1, low: UInt32(truncatingIfNeeded: words.2))
  }

  /// Reads 20 bytes at an address; the caller guarantees that they exist.
  init(unchecked bytes: UnsafeRawPointer) {
    high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
    middle = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    low = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
  }

  init(_ raw: git_oid) {
    self = withUnsafeBytes(of: raw.id) { bytes in
      bytes.baseAddress.map { ObjectID(unchecked: $0) } ?? .zero
    }
  }

  /// The id as a libgit2 value.
  var raw: git_oid {
    var result = git_oid()
    withUnsafeMutableBytes(of: &result.id) { bytes in
      bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
      bytes.storeBytes(of: middle.bigEndian, toByteOffset: 8, as: UInt64.self)
      bytes.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt32.self)
    }
    return result
  }

  var bytes: [UInt8] { withUnsafeBytes(of: raw.id) { Array($0) } }

  /// All 40 digits, in lower case.
  public var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(unsafeUninitializedCapacity: Self.hexCount) { buffer in
      for (index, byte) in bytes.enumerated() {
        buffer[2 * index] = digits[Int(byte >> 4)]
        buffer[2 * index + 1] = digits[Int(byte & 15)]
      }
      return Self.hexCount
    }
  }

  /// The first seven digits, for people.
  public var short: String { String(hex.prefix(7)) }

  public static func < (left: ObjectID, right: ObjectID) -> Bool {
    (left.high, left.middle, left.low) < (right.high, right.middle, right.low)
  }

  /// The id that git assigns to a file with this content.
  public static func ofBlob(_ content: [UInt8]) throws(GitError) -> ObjectID {
    try GitLibrary.start()
    var raw = git_oid()
    let code = content.withUnsafeBytes { git_odb_hash(&raw, $0.baseAddress, $0.count, GIT_OBJECT_BLOB) }
    try check(code, "hash a file")
    return ObjectID(raw)
  }
}

extension ObjectID: CustomStringConvertible {
  public var description: String { hex }
}
