import NIOCore
import NIOWebSocket
import Testing

@testable import Kubernetes

@Suite("The streams of a command, frame by frame")
struct ExecStreamsTests {
  var streams = ExecStreams(outputLimit: 8)

  private func frame(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true) -> WebSocketFrame {
    WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes))
  }

  @Test("a message continues in further frames, which do not name the channel")
  mutating func fragments() {
    #expect(streams.take(frame(.binary, [1, 10], fin: false)) == .nothing)
    #expect(streams.take(frame(.continuation, [2, 11], fin: false)) == .nothing)
    #expect(streams.take(frame(.continuation, [])) == .nothing)
    #expect(streams.take(frame(.binary, [2, 12])) == .nothing)
    #expect(streams.stdout == [10, 2, 11])
    #expect(streams.stderr == [12])
  }

  @Test("a message may begin with an empty frame; the first byte that follows names the channel")
  mutating func lateName() {
    _ = streams.take(frame(.binary, [], fin: false))
    _ = streams.take(frame(.continuation, [2], fin: false))
    _ = streams.take(frame(.continuation, [7]))
    #expect(streams.stderr == [7])
  }

  @Test("empty messages and unknown channels are ignored")
  mutating func nothing() {
    for bytes: [UInt8] in [[], [0, 1], [4, 1], [255, 1]] {
      #expect(streams.take(frame(.binary, bytes)) == .nothing)
    }
    #expect(streams.stdout.isEmpty && streams.stderr.isEmpty && streams.status == nil)
  }

  @Test("each stream has its own limit")
  mutating func limit() {
    _ = streams.take(frame(.binary, [1] + Array(0..<6)))
    _ = streams.take(frame(.binary, [1] + Array(6..<20)))
    _ = streams.take(frame(.binary, [2, 99]))
    #expect(streams.stdout == Array(0..<8))
    #expect(streams.stderr == [99])
  }

  @Test("only the first exit status counts")
  mutating func secondEnd() {
    #expect(streams.take(frame(.binary, [3] + Array(ExecTalk.status(5).utf8))) == .ended)
    #expect(streams.take(frame(.binary, [3] + Array(ExecTalk.status(0).utf8))) == .nothing)
    #expect(streams.status == .exited(5))
  }

  @Test("a status in several messages is joined; more than 16 messages without a status are an error")
  mutating func endInPieces() {
    let status = Array(ExecTalk.status(5).utf8)
    #expect(streams.take(frame(.binary, [3] + status.prefix(10))) == .nothing)
    #expect(streams.take(frame(.binary, [3] + status.dropFirst(10))) == .ended)
    #expect(streams.status == .exited(5))

    var many = ExecStreams(outputLimit: 8)
    for _ in 1..<ExecStreams.statusMessageLimit {
      #expect(many.take(frame(.binary, Array("\u{03}error: {}".utf8))) == .nothing)
    }
    let broken = many.take(frame(.binary, Array("\u{03}}".utf8)))
    #expect(broken == .broken("it sent no exit status of the command in 16 messages"))
    #expect(many.status == nil)

    var long = ExecStreams(outputLimit: 8)
    #expect(long.take(frame(.binary, [3] + [UInt8](repeating: 32, count: 60_000), fin: false)) == .nothing)
    #expect(
      long.take(frame(.continuation, [UInt8](repeating: 32, count: 10_000)))
        == .broken("it sent no exit status of the command in 65536 bytes"))
    #expect(long.status == nil)
  }

  @Test("malformed frames are an error")
  mutating func broken() {
    #expect(streams.take(frame(.continuation, [1])) == .broken("a message went on that had not begun"))
    _ = streams.take(frame(.binary, [1], fin: false))
    #expect(streams.take(frame(.binary, [1])) == .broken("a message began within another"))
    #expect(
      streams.take(frame(.init(encodedWebSocketOpcode: 5) ?? .text, []))
        == .broken("it sent a frame of an unknown kind"))
  }

  @Test("pings may occur between the frames of a message")
  mutating func ping() {
    _ = streams.take(frame(.binary, [1, 1], fin: false))
    #expect(streams.take(frame(.ping, [5])) == .answer(ping: ByteBuffer(bytes: [5])))
    _ = streams.take(frame(.continuation, [2]))
    #expect(streams.stdout == [1, 2])
  }
}

@Suite("Standard input in messages")
struct StdinFeedTests {
  private func all(_ bytes: [UInt8], _ version: ExecProtocol) -> [[UInt8]] {
    var feed = StdinFeed(bytes, version)
    var messages: [[UInt8]] = []
    while let message = feed.next(ByteBufferAllocator()) { messages.append(Array(message.readableBytesView)) }
    #expect(feed.isEmpty)
    return messages
  }

  @Test("v4 sends only the data; v5 also closes the stream")
  func versions() {
    #expect(all([1, 2], .v4) == [[0, 1, 2]])
    #expect(all([1, 2], .v5) == [[0, 1, 2], [255, 0]])
  }

  @Test("without input nothing is sent", arguments: ExecProtocol.allCases)
  func none(version: ExecProtocol) {
    #expect(all([], version).isEmpty)
  }

  @Test("long input is split")
  func cut() {
    let bytes = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    let messages = all(bytes, .v4)
    #expect(messages.map(\.count) == [16_385, 16_385, 7_233])
    #expect(messages.flatMap { $0.dropFirst() } == bytes)
  }
}
