import ClusterAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

@testable import Kubernetes

/// An API server with nothing but exec, which follows a script.
struct ExecServer: Sendable {
  enum Reply: Sendable {
    case upgrade(String)
    case refuse(HTTPResponseStatus, body: String = "", headers: HTTPHeaders = [:])
  }

  /// The answer to an exec request.
  var answer: @Sendable (HTTPRequestHead) -> Reply = { _ in .upgrade(ExecProtocol.v4.rawValue) }
  var tls: NIOSSLContext?
  /// Runs on an open websocket, which is closed afterwards, or cut if this throws.
  var script: @Sendable (ExecTalk) async throws -> Void

  init(tls: NIOSSLContext? = nil, _ script: @escaping @Sendable (ExecTalk) async throws -> Void = { _ in }) {
    self.tls = tls
    self.script = script
  }

  private typealias Socket = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

  /// Runs the test while the server listens; everything has ended when it returns.
  func run<T: Sendable>(_ test: @escaping @Sendable (_ port: Int) async throws -> T) async throws -> T {
    let listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
      }
    let port = listening.channel.localAddress?.port ?? 0
    return try await listening.executeThenClose { inbound in
      try await withThrowingTaskGroup(of: T?.self) { group in
        group.addTask { try await test(port) }
        group.addTask {
          try await withThrowingDiscardingTaskGroup { connections in
            for try await accepted in inbound {
              // Many tests close the client early.
              connections.addTask { try? await self.serve(accepted.take()?.get()) }
            }
          }
          return nil
        }
        defer { group.cancelAll() }
        while let ended = try await group.next() { if let ended { return ended } }
        throw CancellationError()
      }
    }
  }

  private func prepare(_ channel: any Channel) throws -> Accepted {
    Accepted(try upgrade(channel))
  }

  /// A connection that the listener has accepted. It closes the websocket of a client that was not served
  /// when the test ended: NIO traps if a channel is released that was never executed.
  private final class Accepted: Sendable {
    private let socket: Mutex<EventLoopFuture<Socket?>?>

    init(_ socket: EventLoopFuture<Socket?>) { self.socket = Mutex(socket) }

    func take() -> EventLoopFuture<Socket?>? {
      socket.withLock { socket in
        defer { socket = nil }
        return socket
      }
    }

    deinit {
      guard let socket = take() else { return }
      Task { try? await socket.get()?.executeThenClose { _, _ in } }
    }
  }

  private func upgrade(_ channel: any Channel) throws -> EventLoopFuture<Socket?> {
    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
    let upgrader = NIOTypedWebSocketServerUpgrader<Socket?>(
      maxFrameSize: 1 << 20,
      shouldUpgrade: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          switch self.answer(head) {
          case .upgrade(let version): return ["Sec-WebSocket-Protocol": version]
          case .refuse(let status, let body, let headers):
            refuse(channel, status, body, headers)
            return nil
          }
        }
      },
      upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        }
      })
    let configuration = NIOTypedHTTPServerUpgradeConfiguration(upgraders: [upgrader]) { channel in
      channel.eventLoop.makeSucceededFuture(nil)
    }
    return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
      configuration: NIOUpgradableHTTPServerPipelineConfiguration(upgradeConfiguration: configuration))
  }

  private func refuse(
    _ channel: any Channel, _ status: HTTPResponseStatus, _ body: String, _ headers: HTTPHeaders
  ) {
    var head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    head.headers.add(name: "Content-Length", value: "\(body.utf8.count)")
    let parts: [HTTPServerResponsePart] = [
      .head(head), .body(.byteBuffer(ByteBuffer(string: body))), .end(nil),
    ]
    let pipeline = channel.pipeline.syncOperations
    for part in parts { pipeline.write(NIOAny(part), promise: nil) }
    pipeline.flush()
  }

  private func serve(_ socket: Socket?) async throws {
    try await socket?.executeThenClose { inbound, outbound in
      let talk = ExecTalk(inbound, outbound)
      try await script(talk)
      // As real servers do; without it, written data would be lost if the client is slow.
      try await talk.send(.connectionClose, [3, 232])
      try await talk.listen { _, _ in true }
    }
  }
}

/// Thrown by a script to cut the connection.
struct Cut: Error {}

/// The server's side of one websocket, used by one task.
final class ExecTalk {
  private var inbound: NIOAsyncChannelInboundStream<WebSocketFrame>.AsyncIterator
  private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>

  init(
    _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
    _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
  ) {
    self.inbound = inbound.makeAsyncIterator()
    self.outbound = outbound
  }

  func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true) async throws {
    try await outbound.write(WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes)))
  }

  /// Sends a whole message on one of the command's channels.
  func say(_ channel: UInt8, _ text: String) async throws {
    try await send(.binary, [channel] + Array(text.utf8))
  }

  func exit(_ code: Int) async throws { try await say(ExecProtocol.Channel.error, Self.status(code)) }

  static func status(_ code: Int) -> String {
    code == 0
      ? #"{"metadata":{},"status":"Success"}"#
      : """
      {"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code",\
      "reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"\(code)"}]}}
      """
  }

  /// Passes on all frames until the client closes, or until the body stops.
  func listen(_ body: (_ opcode: WebSocketOpcode, _ bytes: [UInt8]) async throws -> Bool) async throws {
    while let frame = try await inbound.next() {
      guard try await body(frame.opcode, Array(frame.unmaskedData.readableBytesView)) else { return }
    }
  }
}

struct ExecCredentials: Credentials {
  var token: String?
  var onForget: @Sendable () -> Void = {}
  var identity: String? { nil }
  func authorization() -> String? { token.map { "Bearer \($0)" } }
  func forget() { onForget() }
}
