import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Values

/// A request as a stub server received it.
struct StubRequest: Sendable {
  var method: String
  /// The path of the URL, without the query.
  var path: String
  /// Decoded only as far as tests need it: `%3D` and similar stay.
  var query: [String: String]
  var headers: HTTPHeaders
  var body: [UInt8]
  /// The number of its connection, counted from 0.
  var connection: Int

  var json: JSON? { try? JSON.parse(body) }
  /// `GET /version`.
  var line: String { "\(method) \(path)" }
  var authorization: String? { headers.first(name: "Authorization") }
}

/// An HTTP server in this process that gives scripted answers, one per request, in order.
final class StubServer: Sendable {
  fileprivate struct State {
    var answers: [StubAnswer]
    var requests: [StubRequest] = []
    var connections = 0
    var open: Set<Int> = []
    var waiters: [CheckedContinuation<Void, Never>] = []
    /// The running work for requests, so that a server that stops leaves nothing behind.
    var tasks: [Task<Void, Never>] = []
  }

  fileprivate let state: Mutex<State>
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let channel: Mutex<(any Channel)?> = Mutex(nil)

  init(_ answers: [StubAnswer]) { state = Mutex(State(answers: answers)) }

  var requests: [StubRequest] { state.withLock { $0.requests } }
  /// `GET /version`, for each request.
  var lines: [String] { requests.map(\.line) }
  /// Answers that were not requested.
  var unusedAnswers: Int { state.withLock { $0.answers.count } }

  /// - Returns: the port.
  func start(tls: TLSConfiguration? = nil) async throws -> Int {
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let bound = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.so_sndbuf), value: 64 << 10)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(StubHandler(server: self, connection: self.opened()))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    channel.withLock { $0 = bound }
    return bound.localAddress?.port ?? 0
  }

  func stop() async {
    try? await channel.withLock { $0 }?.close()
    for task in state.withLock({ $0.tasks }) {
      task.cancel()
      await task.value
    }
    try? await group.shutdownGracefully()
  }

  /// Waits until the client has closed every connection.
  func allClosed() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isClosed = state.withLock { state in
        if !state.open.isEmpty { state.waiters.append(continuation) }
        return state.open.isEmpty
      }
      if isClosed { continuation.resume() }
    }
  }

  private func opened() -> Int {
    state.withLock { state in
      let id = state.connections
      state.connections += 1
      state.open.insert(id)
      return id
    }
  }

  fileprivate func closed(_ id: Int) {
    let waiters = state.withLock { state in
      state.open.remove(id)
      guard state.open.isEmpty else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  fileprivate func received(_ request: StubRequest, over connection: StubConnection) {
    state.withLock { state in
      state.requests.append(request)
      let answer: StubAnswer =
        state.answers.isEmpty ? .status(500, "Unscripted", "no answer is left") : state.answers.removeFirst()
      state.tasks.append(
        Task {
          // A connection that the client has closed accepts no more data; that is no failure of the script.
          do { try await answer.give(request, connection) } catch { connection.cut() }
        })
    }
  }
}

private final class StubHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart

  private let server: StubServer
  private let connection: Int
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []

  init(server: StubServer, connection: Int) {
    self.server = server
    self.connection = connection
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): (self.head, body) = (head, [])
    case .body(let bytes): body += bytes.readableBytesView
    case .end:
      guard let head else { return }
      let parts = head.uri.split(separator: "?", maxSplits: 1)
      let pairs = parts.dropFirst().flatMap { $0.split(separator: "&") }.map { pair in
        let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(sides[0]), sides.count > 1 ? String(sides[1]) : "")
      }
      server.received(
        StubRequest(
          method: head.method.rawValue, path: String(parts[0]),
          query: Dictionary(pairs, uniquingKeysWith: { _, last in last }), headers: head.headers, body: body,
          connection: connection),
        over: StubConnection(channel: context.channel))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    server.closed(connection)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
