/// A frame of SPDY/3.1, as far as a command needs it.
///
/// Source: "SPDY Protocol - Draft 3.1", 2.6.
enum SPDYFrame: Sendable, Hashable {
  /// The client opens a stream.
  /// - Parameter isEnd: whether the client sends no data on it.
  case open(stream: UInt32, headers: [UInt8], isEnd: Bool)
  case data(stream: UInt32, [UInt8], isEnd: Bool)
  case reset(stream: UInt32)
  case ping(UInt32)
  /// Settings, windows and others, which mean nothing for a command.
  case other

  /// The largest frame that is accepted, without its head. `kubectl` sends at most 32 KiB at a time.
  static let limit = 256 << 10

  private static let headSize = 8
  private static let flagOfEnd: UInt8 = 1

  private enum Kind {
    static let open: UInt32 = 1
    static let reply: UInt32 = 2
    static let reset: UInt32 = 3
    static let ping: UInt32 = 6
    static let headers: UInt32 = 8
  }

  /// Takes the first frame from a buffer; nil if it is incomplete.
  /// - Throws: if the bytes are no frame, or one that is too large.
  static func take(from buffer: inout [UInt8]) throws(APIFailure) -> SPDYFrame? {
    guard buffer.count >= headSize else { return nil }
    let (first, second) = (number(buffer[0..<4]), number(buffer[4..<8]))
    let length = Int(second & 0xFF_FFFF)
    guard length <= limit else { throw malformed }
    guard buffer.count >= headSize + length else { return nil }
    let payload = buffer[headSize..<headSize + length]
    let isEnd = UInt8(second >> 24) & flagOfEnd != 0
    let frame: SPDYFrame
    if first & 0x8000_0000 == 0 {
      frame = .data(stream: first, Array(payload), isEnd: isEnd)
    } else {
      guard first >> 16 & 0x7FFF == 3 else { throw malformed }
      frame = try control(first & 0xFFFF, payload, isEnd)
    }
    buffer.removeFirst(headSize + length)
    return frame
  }

  private static func control(
    _ kind: UInt32, _ payload: ArraySlice<UInt8>, _ isEnd: Bool
  ) throws(APIFailure) -> SPDYFrame {
    switch kind {
    case Kind.open:
      guard payload.count >= 10 else { throw malformed }
      let stream = number(payload.prefix(4)) & 0x7FFF_FFFF
      return .open(stream: stream, headers: Array(payload.dropFirst(10)), isEnd: isEnd)
    case Kind.reset:
      guard payload.count >= 4 else { throw malformed }
      return .reset(stream: number(payload.prefix(4)) & 0x7FFF_FFFF)
    case Kind.ping:
      guard payload.count == 4 else { throw malformed }
      return .ping(number(payload))
    // They would change the state of the decompression.
    case Kind.reply, Kind.headers: throw malformed
    default: return .other
    }
  }

  static let malformed = APIFailure.badRequest("the client sent a malformed frame of SPDY/3.1")

  // MARK: Writing

  static func reply(to stream: UInt32, isFirst: Bool) -> [UInt8] {
    control(Kind.reply, bytes(stream) + SPDYHeaders.empty(isFirst: isFirst))
  }

  /// Refuses a stream.
  static func refusal(of stream: UInt32) -> [UInt8] { control(Kind.reset, bytes(stream) + bytes(3)) }

  static func pong(_ identifier: UInt32) -> [UInt8] { control(Kind.ping, bytes(identifier)) }

  static func data(_ stream: UInt32, _ data: some Collection<UInt8>, isEnd: Bool) -> [UInt8] {
    bytes(stream) + bytes((isEnd ? 1 << 24 : 0) | UInt32(data.count)) + data
  }

  private static func control(_ kind: UInt32, _ payload: [UInt8]) -> [UInt8] {
    bytes(0x8003_0000 | kind) + bytes(UInt32(payload.count)) + payload
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }
}
