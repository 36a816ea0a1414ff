import ClusterAPI
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import Kubernetes

@Suite("The end of an exec websocket")
struct ExecHandlerTests {
  /// A handler on a channel without a network, with a simulated clock.
  private final class HandlerFixture {
    let channel = EmbeddedChannel()
    private(set) var outcome: ExecHandler.Outcome?

    init(_ request: ExecRequest, _ version: ExecProtocol = .v4, isWritable: Bool = true) throws {
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
      channel.isWritable = isWritable
      let promise = channel.eventLoop.makePromise(of: ExecHandler.Outcome.self)
      promise.futureResult.assumeIsolated().whenSuccess { self.outcome = $0 }
      try channel.pipeline.syncOperations.addHandler(
        ExecHandler(
          ObjectName(namespace: "n", name: "p"), request, version, ExecTiming(), outcome: promise))
      channel.pipeline.fireUserInboundEventTriggered(UpgradeGate.Event.opened)
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    func pass(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    func receive(_ opcode: WebSocketOpcode, _ bytes: [UInt8] = []) throws {
      try channel.writeInbound(WebSocketFrame(fin: true, opcode: opcode, data: ByteBuffer(bytes: bytes)))
    }

    /// The frames sent since the last call, each masked as a client must.
    func sent() throws -> [(opcode: WebSocketOpcode, bytes: [UInt8])] {
      var frames: [(WebSocketOpcode, [UInt8])] = []
      while let frame = try channel.readOutbound(as: WebSocketFrame.self) {
        #expect(frame.maskKey != nil)
        frames.append((frame.opcode, Array(frame.data.readableBytesView)))
      }
      return frames
    }

    func makeWritable(_ isWritable: Bool) {
      channel.isWritable = isWritable
      channel.pipeline.fireChannelWritabilityChanged()
      channel.embeddedEventLoop.run()
    }

    var failure: APIError? { if case .failure(let error) = outcome { error } else { nil } }
    var exitCode: Int? { if case .success(let result) = outcome { result.exitCode } else { nil } }
  }

  private static let quiet = ExecRequest(command: ["x"])

  @Test("a peer that sends nothing is given up after two pings, thirty seconds apart")
  func gone() throws {
    let bench = try HandlerFixture(Self.quiet)
    bench.pass(.seconds(29))
    #expect(try bench.sent().isEmpty)
    bench.pass(.seconds(1))
    #expect(try bench.sent().map(\.opcode) == [.ping])
    bench.pass(.seconds(30))
    #expect(try bench.sent().map(\.opcode) == [.ping])
    bench.pass(.seconds(29))
    #expect(bench.outcome == nil)
    bench.pass(.seconds(1))
    #expect(bench.failure?.kind == .unavailable)
    #expect(!bench.channel.isActive)
  }

  @Test("any frame from a peer shows that it is alive", arguments: [WebSocketOpcode.pong, .binary, .ping])
  func alive(opcode: WebSocketOpcode) throws {
    let bench = try HandlerFixture(Self.quiet)
    for _ in 0..<20 {
      bench.pass(.seconds(59))
      try bench.receive(opcode, [1])
    }
    #expect(bench.outcome == nil && bench.channel.isActive)
  }

  @Test(
    "a server may be silent while its command reads a long input, but not afterwards")
  func silentReader() throws {
    let bench = try HandlerFixture(ExecRequest(command: ["x"], stdin: [UInt8](repeating: 0, count: 100_000)))
    bench.pass(.hours(3))
    #expect(bench.outcome == nil)
    try bench.receive(.pong)
    bench.pass(.seconds(91))
    #expect(bench.failure?.kind == .unavailable)
  }

  @Test("a ping is answered with its own payload")
  func pong() throws {
    let bench = try HandlerFixture(Self.quiet)
    try bench.receive(.ping, [7, 8])
    let sent = try bench.sent()
    #expect(sent.map(\.opcode) == [.pong] && sent.map(\.bytes) == [[7, 8]])
  }

  @Test("several pings that cannot be answered yet are answered once, with the last payload")
  func latePong() throws {
    let bench = try HandlerFixture(Self.quiet, isWritable: false)
    for number in 0..<100 { try bench.receive(.ping, [UInt8(number)]) }
    #expect(try bench.sent().isEmpty)
    bench.makeWritable(true)
    #expect(try bench.sent().map(\.bytes) == [[99]])
  }

  @Test("input is sent only while the channel is writable")
  func backPressure() throws {
    let bench = try HandlerFixture(
      ExecRequest(command: ["x"], stdin: [UInt8](repeating: 9, count: 40_000)), .v5, isWritable: false)
    #expect(try bench.sent().isEmpty)
    try bench.receive(.binary, [1, 1])
    bench.makeWritable(true)
    #expect(try bench.sent().map(\.bytes.count) == [16_385, 16_385, 7_233, 2])
  }

  @Test("the server's close frame after the status ends the call, and is answered")
  func closing() throws {
    let bench = try HandlerFixture(Self.quiet)
    try bench.receive(.binary, [3] + Array(ExecTalk.status(4).utf8))
    #expect(bench.outcome == nil)
    try bench.receive(.connectionClose, [3, 232])
    #expect(bench.exitCode == 4)
    #expect(try bench.sent().map(\.opcode) == [.connectionClose])
    #expect(!bench.channel.isActive)
  }

  @Test("without a close frame the call ends two seconds after the status; output until then counts")
  func grace() throws {
    let bench = try HandlerFixture(Self.quiet)
    try bench.receive(.binary, [3] + Array(ExecTalk.status(0).utf8))
    try bench.receive(.binary, [1, 65])
    bench.pass(.milliseconds(1999))
    #expect(bench.outcome == nil)
    bench.pass(.milliseconds(1))
    #expect(bench.outcome == .success(ExecResult(exitCode: 0, stdout: [65])))
  }

  @Test("a connection error after the status changes nothing")
  func lateError() throws {
    let bench = try HandlerFixture(Self.quiet)
    try bench.receive(.binary, [3] + Array(ExecTalk.status(0).utf8))
    bench.channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
    #expect(bench.exitCode == 0)
  }

  @Test("a close without a status leaves the result unknown")
  func noStatus() throws {
    let bench = try HandlerFixture(Self.quiet)
    try bench.receive(.binary, [1, 65])
    try bench.receive(.connectionClose, [3, 243])
    #expect(bench.failure?.kind == .unavailable)
  }

  @Test(
    "a server error in place of an exit code is a failure, and the command may be retried",
    arguments: [
      "", "0", "Success", "command terminated", "[]", #"{"status":"success"}"#, #"{"status":"Success""#,
      #"{"status":true}"#, #"{"metadata":{},"status":{"status":"Success"}}"#,
      #"{"status":"Success"}{"status":"Failure"}"#,
      #"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"0"}]}}"#,
      #"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"-1"}]}}"#,
      #"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"256"}]}}"#,
      #"{"status":"Failure","reason":"NonZeroExitCode"}"#, #"{"status":"Failure"}"#,
    ])
  func noExitCode(text: String) throws {
    // Also on the channels of the command's output, where the command itself may write anything.
    for channel: UInt8 in [0, 1, 2, 3, 4, 255] {
      let bench = try HandlerFixture(Self.quiet)
      try bench.receive(.binary, [channel] + Array(text.utf8))
      try bench.receive(.connectionClose)
      #expect(bench.exitCode == nil)
      #expect(bench.failure?.kind == .unavailable)
    }
  }

  @Test(
    "an exit code counts on the error channel only, once, and not after the server's close",
    arguments: [0, 1, 2, 4])
  func wrongChannel(_ channel: UInt8) throws {
    let bench = try HandlerFixture(Self.quiet)
    try bench.receive(.binary, [channel] + Array(ExecTalk.status(0).utf8))
    try bench.receive(.connectionClose)
    try bench.receive(.binary, [3] + Array(ExecTalk.status(0).utf8))
    #expect(bench.failure?.kind == .unavailable)

    let twice = try HandlerFixture(Self.quiet)
    for code in [7, 0] { try twice.receive(.binary, [3] + Array(ExecTalk.status(code).utf8)) }
    try twice.receive(.connectionClose)
    #expect(twice.exitCode == 7)
  }

  @Test("a command that could not start is reported with the runtime's message")
  func notBegun() throws {
    let bench = try HandlerFixture(Self.quiet)
    let words = #"{"status":"Failure","message":"exec: \"x\": executable file not found in $PATH"}"#
    try bench.receive(.binary, [3] + Array(words.utf8))
    try bench.receive(.connectionClose)
    #expect(
      bench.failure
        == APIError(
          .notStarted,
          "Pod n/p: the command did not run to its end: exec: \"x\": executable file not found in $PATH"))
  }
}
