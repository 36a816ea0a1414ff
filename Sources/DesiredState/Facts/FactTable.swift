import Crypto

/// A file that maps keys to facts; a key may have several. It is written once, as a whole, and looked up
/// without being loaded.
///
/// Records are in buckets by key. Each bucket has a checksum that also covers its number and the file's own
/// salt. So a look-up reads and checks a few hundred bytes regardless of the number of records, and detects
/// damage, truncation and data from another file before it uses them.
///
///     magic  salt  buckets  info's length  file's length  checksum    8 bytes each
///     info
///     start of each bucket, and end of the last one                   8 bytes each
///     bucket: checksum (8 bytes), then records: length of key, length of value (4 bytes each), key, value
public struct FactTable: Sendable {
  /// The file is damaged: its content differs from what was written.
  public struct Damage: Error, Hashable {
    public init() {}
  }

  /// The header data that the writer stored about the whole file.
  public let info: [UInt8]
  private let file: FactFile
  private let salt: UInt64
  private let buckets: Int
  private let directory: Int

  private static let magic = word(of: Array("kdopsft1".utf8))
  private static let prologue = 6 * 8

  /// - Throws: `Damage` if the file has another format or is truncated.
  init(_ file: FactFile) throws(Damage) {
    guard let prologue = file.bytes(0..<Self.prologue) else { throw Damage() }
    let words = (0..<6).map { Self.word(of: prologue[($0 * 8)...]) }
    guard words[0] == Self.magic, words[4] == UInt64(file.size), words[2] > 0, words[2] < UInt64(file.size),
      words[3] < UInt64(file.size)
    else { throw Damage() }
    self.file = file
    salt = words[1]
    buckets = Int(words[2])
    directory = Self.prologue + Int(words[3])
    guard directory + 8 * (buckets + 1) <= file.size, let info = file.bytes(Self.prologue..<directory),
      Self.checksum(prologue.dropLast(8) + info) == words[5]
    else { throw Damage() }
    self.info = info
  }

  /// Returns all values of a key, in no particular order.
  public func values(of key: [UInt8]) throws(Damage) -> [[UInt8]] {
    let number = Int(Self.hash(key) % UInt64(buckets))
    let entry = directory + 8 * number
    guard let bounds = file.bytes(entry..<(entry + 16)) else { throw Damage() }
    let (start, end) = (Self.word(of: bounds), Self.word(of: bounds[8...]))
    guard start >= UInt64(directory), end <= UInt64(file.size), start < end, end - start >= 8,
      let bucket = file.bytes(Int(start)..<Int(end)),
      Self.word(of: bucket) == Self.checksum(of: bucket[8...], number, salt)
    else { throw Damage() }
    var found: [[UInt8]] = []
    var at = 8
    while at < bucket.count {
      guard let (size, length) = Self.lengths(bucket, at), at + 8 + size + length <= bucket.count else {
        throw Damage()
      }
      let value = at + 8 + size
      if size == key.count, bucket[(at + 8)..<value].elementsEqual(key) {
        found.append(Array(bucket[value..<(value + length)]))
      }
      at = value + length
    }
    return found
  }

  // MARK: Writing

  /// Collects facts and encodes them as a file.
  public struct Writer {
    private var records: [UInt8] = []
    private var starts: [(hash: UInt64, start: Int)] = []

    public init() {}

    public mutating func add(_ key: [UInt8], _ value: [UInt8]) {
      starts.append((FactTable.hash(key), records.count))
      append(UInt32(key.count), to: &records)
      append(UInt32(value.count), to: &records)
      records += key
      records += value
    }

    /// Returns the bytes of the file.
    public func bytes(info: [UInt8], salt: UInt64) -> [UInt8] {
      let buckets = max(1, starts.count / 12)
      var members: [[Int]] = Array(repeating: [], count: buckets)
      for (index, start) in starts.enumerated() { members[Int(start.hash % UInt64(buckets))].append(index) }
      let directory = FactTable.prologue + info.count
      let size = directory + 8 * (buckets + 1) + 8 * buckets + records.count
      var file: [UInt8] = []
      file.reserveCapacity(size)
      for word in [FactTable.magic, salt, UInt64(buckets), UInt64(info.count), UInt64(size)] {
        append(word, to: &file)
      }
      append(FactTable.checksum(file + info), to: &file)
      file += info
      var next = directory + 8 * (buckets + 1)
      for bucket in members {
        append(UInt64(next), to: &file)
        next += 8 + bucket.reduce(0) { $0 + length(of: $1) }
      }
      append(UInt64(next), to: &file)
      for (number, bucket) in members.enumerated() {
        var body: [UInt8] = []
        for index in bucket {
          body += records[starts[index].start..<(starts[index].start + length(of: index))]
        }
        append(FactTable.checksum(of: body[...], number, salt), to: &file)
        file += body
      }
      return file
    }

    private func length(of index: Int) -> Int {
      (index + 1 < starts.count ? starts[index + 1].start : records.count) - starts[index].start
    }

    private func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
  }

  // MARK: Checksums and numbers

  private static func checksum(_ bytes: [UInt8]) -> UInt64 { word(of: SHA256.hash(data: bytes)) }

  private static func checksum(of body: ArraySlice<UInt8>, _ number: Int, _ salt: UInt64) -> UInt64 {
    var hash = SHA256()
    for word in [salt, UInt64(number)] {
      withUnsafeBytes(of: word.littleEndian) { hash.update(bufferPointer: $0) }
    }
    body.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return word(of: hash.finalize())
  }

  /// Distributes keys over buckets: FNV-1a.
  private static func hash(_ key: [UInt8]) -> UInt64 {
    key.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
  }

  private static func word(of bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func lengths(_ bucket: [UInt8], _ at: Int) -> (key: Int, value: Int)? {
    guard at + 8 <= bucket.count else { return nil }
    let both = word(of: bucket[at..<(at + 8)])
    return (Int(both & 0xffff_ffff), Int(both >> 32))
  }
}
