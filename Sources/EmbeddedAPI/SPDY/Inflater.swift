/// Why compressed bytes cannot be read.
enum InflateError: Error, Sendable, Hashable {
  case endsEarly
  case isInvalid
  /// The output is larger than allowed.
  case isTooLarge
}

/// Decompresses a zlib stream (RFC 1950, RFC 1951) whose sender flushes after each message, as SPDY's headers are sent.
struct Inflater {
  private let dictionary: [UInt8]
  /// The last output, to which later output refers.
  private var window: [UInt8] = []
  private var isStarted = false

  /// The farthest distance that a stream can refer back.
  private static let windowSize = 32 << 10

  /// - Parameter dictionary: what both sides know before the first byte.
  init(dictionary: [UInt8]) { self.dictionary = dictionary }

  /// Decompresses one message.
  ///
  /// - Parameters:
  ///   - bytes: up to the end of a flush.
  ///   - limit: the largest output in bytes.
  mutating func message(_ bytes: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
    var reader = BitReader(bytes)
    if !isStarted {
      try start(&reader)
      isStarted = true
    }
    var output = Output(bytes: window, start: window.count, limit: limit)
    while !reader.isAtEnd { try Self.block(&reader, &output) }
    window = output.bytes.suffix(Self.windowSize)
    return Array(output.bytes[output.start...])
  }

  private mutating func start(_ reader: inout BitReader) throws(InflateError) {
    let (method, flags) = (try reader.bits(8), try reader.bits(8))
    guard method & 0x0F == 8, (method << 8 | flags) % 31 == 0 else { throw .isInvalid }
    guard flags & 0x20 != 0 else { return }
    var identifier: UInt32 = 0
    for _ in 0..<4 { identifier = identifier << 8 | UInt32(try reader.bits(8)) }
    guard identifier == Self.checksum(dictionary) else { throw .isInvalid }
    window = dictionary
  }

  /// Adler-32, by which a stream names its dictionary.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    return high << 16 | low
  }

  // MARK: Blocks

  private struct Output {
    var bytes: [UInt8]
    let start: Int
    let limit: Int

    mutating func append(_ byte: UInt8) throws(InflateError) {
      guard bytes.count - start < limit else { throw .isTooLarge }
      bytes.append(byte)
    }

    mutating func copy(_ length: Int, from distance: Int) throws(InflateError) {
      guard distance <= bytes.count else { throw .isInvalid }
      for _ in 0..<length { try append(bytes[bytes.count - distance]) }
    }
  }

  private static func block(_ reader: inout BitReader, _ output: inout Output) throws(InflateError) {
    // No block of a connection is the last one.
    guard try reader.bits(1) == 0 else { throw .isInvalid }
    switch try reader.bits(2) {
    case 0: try stored(&reader, &output)
    case 1: try compressed(&reader, &output, try fixedCodes())
    case 2: try compressed(&reader, &output, try codes(&reader))
    default: throw .isInvalid
    }
  }

  private static func stored(_ reader: inout BitReader, _ output: inout Output) throws(InflateError) {
    let header = Array(try reader.alignedBytes(4)).map(Int.init)
    let length = header[0] | header[1] << 8
    guard length == ~(header[2] | header[3] << 8) & 0xFFFF else { throw .isInvalid }
    for byte in try reader.alignedBytes(length) { try output.append(byte) }
  }

  private typealias Codes = (symbols: HuffmanCode, distances: HuffmanCode)

  private static func fixedCodes() throws(InflateError) -> Codes {
    let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
    return (
      try HuffmanCode(lengths: lengths), try HuffmanCode(lengths: [Int](repeating: 5, count: 30))
    )
  }

  /// The order in which the lengths of the code for lengths are sent.
  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  private static func codes(_ reader: inout BitReader) throws(InflateError) -> Codes {
    let symbols = try reader.bits(5) + 257
    let distances = try reader.bits(5) + 1
    var first = [Int](repeating: 0, count: order.count)
    for index in 0..<(try reader.bits(4) + 4) { first[order[index]] = try reader.bits(3) }
    let code = try HuffmanCode(lengths: first)
    var lengths: [Int] = []
    while lengths.count < symbols + distances {
      let symbol = try code.symbol(&reader)
      switch symbol {
      case 16:
        guard let last = lengths.last else { throw .isInvalid }
        lengths += [Int](repeating: last, count: 3 + (try reader.bits(2)))
      case 17: lengths += [Int](repeating: 0, count: 3 + (try reader.bits(3)))
      case 18: lengths += [Int](repeating: 0, count: 11 + (try reader.bits(7)))
      default: lengths.append(symbol)
      }
    }
    guard lengths.count == symbols + distances else { throw .isInvalid }
    return (
      try HuffmanCode(lengths: lengths[..<symbols]), try HuffmanCode(lengths: lengths[symbols...])
    )
  }

  private static let lengthBases = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
  ]
  private static let distanceBases = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097, 6145, 8193, 12_289, 16_385, 24_577,
  ]
  private static let endOfBlock = 256

  private static func compressed(
    _ reader: inout BitReader, _ output: inout Output, _ codes: Codes
  ) throws(InflateError) {
    while true {
      let symbol = try codes.symbols.symbol(&reader)
      if symbol == endOfBlock { return }
      guard symbol > endOfBlock else {
        try output.append(UInt8(symbol))
        continue
      }
      let step = symbol - endOfBlock - 1
      guard lengthBases.indices.contains(step) else { throw .isInvalid }
      let extra = step < 8 || step == lengthBases.count - 1 ? 0 : step / 4 - 1
      let length = lengthBases[step] + (try reader.bits(extra))
      let place = try codes.distances.symbol(&reader)
      guard distanceBases.indices.contains(place) else { throw .isInvalid }
      let distance = distanceBases[place] + (try reader.bits(place < 4 ? 0 : place / 2 - 1))
      try output.copy(length, from: distance)
    }
  }
}
