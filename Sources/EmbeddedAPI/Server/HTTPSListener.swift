import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// Accepts connections and serves each in a task of its own.
struct HTTPSListener: Sendable {
  let handler: APIHandler
  let token: BearerToken
  let tls: NIOSSLContext

  /// `kubectl` has one or two connections; each watch has one of its own.
  static let connectionLimit = 128
  /// From the connection to an authorized request, including the TLS handshake.
  static let openingTime = TimeAmount.seconds(10)

  typealias HTTPChannel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
  typealias SocketChannel = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>
  typealias StreamsChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  /// A connection after its first request.
  enum Connection: Sendable {
    case http(HTTPChannel)
    case command(SocketChannel, ExecCall)
    case streams(StreamsChannel, ExecCall)
  }

  /// Listens until the body throws or the task is cancelled.
  ///
  /// - Parameter body: runs beside the connections, with the port.
  func run(
    address: String, port: Int, _ body: @escaping @Sendable (_ port: Int) async throws -> Void
  ) async throws {
    let open = OpenConnections(limit: Self.connectionLimit)
    let listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
      .bind(host: address, port: port) { channel in
        channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
      }
    let bound = listening.channel.localAddress?.port ?? port
    try await listening.executeThenClose { inbound in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body(bound) }
        group.addTask {
          await withDiscardingTaskGroup { connections in
            do {
              for try await accepted in inbound {
                guard let place = open.enter(accepted.channel) else {
                  accepted.close()
                  continue
                }
                connections.addTask {
                  // The client may disconnect at any time, which concerns only this connection.
                  try? await serve(accepted) { open.authorize(place) }
                  open.leave(place)
                }
              }
            } catch {
              // The socket was closed.
            }
            connections.cancelAll()
          }
        }
        _ = try await group.next()
        group.cancelAll()
      }
    }
  }

  private func serve(_ accepted: Accepted, _ onAuthorized: @escaping @Sendable () -> Void) async throws {
    guard let future = accepted.take() else { return }
    let deadline = accepted.channel.eventLoop.scheduleTask(in: Self.openingTime) {
      accepted.channel.close(promise: nil)
    }
    defer { deadline.cancel() }
    // Waiting for a future is not cancelled with the task, but ends when the connection does.
    let connection = try await withTaskCancellationHandler {
      try await future.get()
    } onCancel: {
      accepted.channel.close(promise: nil)
    }
    switch connection {
    case .http(let channel):
      try await HTTPConnection(handler: handler, token: token).serve(channel) {
        deadline.cancel()
        onAuthorized()
      }
    case .command(let channel, let call):
      deadline.cancel()
      onAuthorized()
      try await ExecConnection(handler: handler, call: call).serve(channel)
    case .streams(let channel, let call):
      deadline.cancel()
      onAuthorized()
      try await SPDYConnection(handler: handler, call: call).serve(channel)
    }
  }

  private func prepare(_ channel: any Channel) throws -> Accepted {
    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
    let upgrader = NIOTypedWebSocketServerUpgrader<Connection>(
      maxFrameSize: 1 << 20,
      shouldUpgrade: { channel, head in
        let offered = head.headers[canonicalForm: "Sec-WebSocket-Protocol"].map { String($0) }
        let answer = call(head).flatMap { ExecMessage.chosen(from: offered, hasStdin: $0.hasStdin) }
        let fields: HTTPHeaders? = answer.map { ["Sec-WebSocket-Protocol": $0] }
        return channel.eventLoop.makeSucceededFuture(fields)
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture { () throws -> Connection in
          guard let call = call(head) else { throw EmbeddedAPIError(message: "no command") }
          try channel.pipeline.syncOperations.addHandler(
            NIOWebSocketFrameAggregator(
              minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024, maxAccumulatedFrameSize: 1 << 21))
          return .command(try SocketChannel(wrappingChannelSynchronously: channel), call)
        }
      })
    let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Connection>(
      upgraders: [upgrader, SPDYUpgrader(call: { call($0) })]
    ) { channel in
      channel.eventLoop.makeCompletedFuture {
        Connection.http(try HTTPChannel(wrappingChannelSynchronously: channel))
      }
    }
    var configuration = NIOUpgradableHTTPServerPipelineConfiguration(upgradeConfiguration: upgrade)
    // The connection handles one request after the other, and must notice that a client of a watch disconnects.
    configuration.enablePipelining = false
    let future = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
      configuration: configuration)
    return Accepted(channel, future)
  }

  /// The command of an authorized request for a WebSocket; nil for any other, which is answered over HTTP.
  private func call(_ head: HTTPRequestHead) -> ExecCall? {
    guard token.matches(authorization: head.headers.first(name: "Authorization")),
      let request = APIRequest(method: head.method.rawValue, target: head.uri)
    else { return nil }
    return try? ExecCall(request)
  }
}

/// A connection that was accepted and is not served yet. One that is never served is closed: NIO traps if a channel is
/// released that was never executed.
private final class Accepted: Sendable {
  let channel: any Channel
  private let future: Mutex<EventLoopFuture<HTTPSListener.Connection>?>

  init(_ channel: any Channel, _ future: EventLoopFuture<HTTPSListener.Connection>) {
    self.channel = channel
    self.future = Mutex(future)
  }

  func take() -> EventLoopFuture<HTTPSListener.Connection>? {
    future.withLock { future in
      defer { future = nil }
      return future
    }
  }

  func close() {
    guard let future = take() else { return }
    channel.close(promise: nil)
    Task {
      switch try? await future.get() {
      case .http(let channel): try? await channel.executeThenClose { _, _ in }
      case .command(let channel, _): try? await channel.executeThenClose { _, _ in }
      case .streams(let channel, _): try? await channel.executeThenClose { _, _ in }
      case nil: break
      }
    }
  }

  deinit { close() }
}
