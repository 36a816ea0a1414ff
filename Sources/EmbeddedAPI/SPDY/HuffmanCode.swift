/// Reads a deflate stream bit by bit, the lowest bit of each byte first.
struct BitReader {
  private let bytes: [UInt8]
  private var position = 0
  private var buffer: UInt32 = 0
  private var count = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Whether all bytes are read, up to the rest of the last one.
  var isAtEnd: Bool { position == bytes.count }

  /// - Parameter need: at most 16.
  mutating func bits(_ need: Int) throws(InflateError) -> Int {
    while count < need {
      guard position < bytes.count else { throw .endsEarly }
      buffer |= UInt32(bytes[position]) << UInt32(count)
      position += 1
      count += 8
    }
    let value = buffer & ((1 << UInt32(need)) - 1)
    buffer >>= UInt32(need)
    count -= need
    return Int(value)
  }

  /// Reads whole bytes after the rest of the current one.
  mutating func alignedBytes(_ need: Int) throws(InflateError) -> ArraySlice<UInt8> {
    align()
    guard bytes.count - position >= need else { throw .endsEarly }
    defer { position += need }
    return bytes[position..<position + need]
  }

  /// Skips the rest of the current byte.
  mutating func align() { (buffer, count) = (0, 0) }
}

/// A canonical Huffman code, given by the length of each symbol's code.
struct HuffmanCode {
  static let longest = 15

  /// The number of codes of each length.
  private var counts = [Int](repeating: 0, count: longest + 1)
  /// The symbols, sorted by their codes.
  private var symbols: [Int] = []

  init(lengths: some Collection<Int>) throws(InflateError) {
    for length in lengths where length > 0 { counts[length] += 1 }
    var free = 1
    for length in 1...Self.longest {
      free = free * 2 - counts[length]
      guard free >= 0 else { throw .isInvalid }
    }
    symbols = lengths.enumerated().filter { $0.element > 0 }
      .sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }.map(\.offset)
  }

  func symbol(_ reader: inout BitReader) throws(InflateError) -> Int {
    var (code, first, index) = (0, 0, 0)
    for length in 1...Self.longest {
      code |= try reader.bits(1)
      let count = counts[length]
      if code - first < count { return symbols[index + code - first] }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw .isInvalid
  }
}
