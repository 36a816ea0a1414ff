import ClusterAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// Opens a websocket from an address to a running command, or returns the server's reason for refusing it.
struct ExecOpening: Sendable {
  enum Answer: Sendable {
    /// The command runs; its outcome follows.
    case opened(EventLoopFuture<ExecHandler.Outcome>)
    case refused(EventLoopFuture<ExecRefusal>)
  }

  let server: Server
  let tls: NIOSSLContext?
  let group: any EventLoopGroup
  let timing: ExecTiming
  let pod: ObjectName
  let request: ExecRequest

  /// A larger frame, in bytes, ends the connection. Servers send one frame for each read of the command's
  /// output, 32 KiB.
  static let frameLimit = 1 << 20

  /// Connects and sends the request. The connection is added to the line even if the caller no longer waits.
  func ask(authorization: String?, on line: ExecLine) async throws -> Answer {
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(timing.connect)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    let answer: EventLoopFuture<Answer> = try await bootstrap.connect(host: server.host, port: server.port) {
      channel in
      channel.eventLoop.makeCompletedFuture {
        guard line.add(channel) else { throw ChannelError.ioOnClosedChannel }
        return try self.prepare(channel, authorization)
      }
    }
    return try await answer.get()
  }

  private func prepare(_ channel: any Channel, _ authorization: String?) throws -> EventLoopFuture<Answer> {
    let pipeline = channel.pipeline.syncOperations
    if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: hostname)) }
    try pipeline.addHandler(UpgradeGate())
    let upgrader = NIOTypedWebSocketClientUpgrader<Answer>(maxFrameSize: Self.frameLimit) { channel, head in
      channel.eventLoop.makeCompletedFuture { try self.opened(channel, head) }
    }
    let configuration = NIOUpgradableHTTPClientPipelineConfiguration(
      upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
        upgradeRequestHead: head(authorization), upgraders: [upgrader],
        notUpgradingCompletionHandler: { channel in
          channel.eventLoop.makeCompletedFuture { try self.refused(channel) }
        }))
    let answer = try pipeline.configureUpgradableHTTPClientPipeline(configuration: configuration)
    let alarm = channel.eventLoop.scheduleTask(in: timing.answer) { channel.close(promise: nil) }
    answer.whenComplete { result in
      switch result {
      case .success(.refused(let refusal)): refusal.whenComplete { _ in alarm.cancel() }
      case .success(.opened):
        alarm.cancel()
        channel.pipeline.fireUserInboundEventTriggered(UpgradeGate.Event.opened)
      case .failure: alarm.cancel()
      }
    }
    return answer
  }

  private func opened(_ channel: any Channel, _ head: HTTPResponseHead) throws -> Answer {
    let chosen = head.headers.first(name: "Sec-WebSocket-Protocol") ?? "none"
    let outcome = channel.eventLoop.makePromise(of: ExecHandler.Outcome.self)
    guard let version = ExecProtocol(rawValue: chosen) else {
      channel.close(promise: nil)
      outcome.succeed(
        .failure(
          APIError(
            .unsupported,
            "Pod \(pod): the server speaks none of \(ExecProtocol.offer), but \(chosen.prefix(64))")))
      return .opened(outcome.futureResult)
    }
    do {
      let handler = ExecHandler(pod, request, version, timing, outcome: outcome)
      try channel.pipeline.syncOperations.addHandler(handler)
    } catch {
      outcome.fail(error)
      throw error
    }
    return .opened(outcome.futureResult)
  }

  private func refused(_ channel: any Channel) throws -> Answer {
    let refusal = channel.eventLoop.makePromise(of: ExecRefusal.self)
    do {
      try channel.pipeline.syncOperations.addHandler(RefusalHandler(refusal))
    } catch {
      refusal.fail(error)
      throw error
    }
    return .refused(refusal.futureResult)
  }

  private func head(_ authorization: String?) -> HTTPRequestHead {
    var headers = HTTPHeaders()
    let host = server.host.contains(":") ? "[\(server.host)]" : server.host
    headers.add(name: "Host", value: "\(host):\(server.port)")
    headers.add(name: "User-Agent", value: "kdops")
    headers.add(name: "Accept", value: "*/*")
    headers.add(name: "Sec-WebSocket-Protocol", value: ExecProtocol.offer)
    // Credentials are never sent over plain HTTP.
    if tls != nil, let authorization { headers.add(name: "Authorization", value: authorization) }
    let path = ExecPath(pod, request, below: server.path).description
    return HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
  }

  /// The name that the certificate must match; nil for an address, which is compared with the peer's address.
  private var hostname: String? {
    let name = server.serverName ?? server.host
    let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
    return isAddress ? nil : name
  }
}

/// Reads a response that opens no websocket.
private final class RefusalHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let promise: EventLoopPromise<ExecRefusal>
  private var refusal: ExecRefusal?
  private var isOver = false

  init(_ promise: EventLoopPromise<ExecRefusal>) { self.promise = promise }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let after = ExecRefusal.retryAfter(head.headers.first(name: "Retry-After"))
      refusal = ExecRefusal(code: Int(head.status.code), retryAfter: after)
    case .body(let bytes):
      let space = ExecRefusal.bodyLimit - (refusal?.body.count ?? 0)
      if space > 0 { refusal?.body += bytes.readableBytesView.prefix(space) }
    case .end:
      finish()
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish()
    context.close(promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) { finish() }

  /// If the body does not arrive, the status alone is used.
  private func finish() {
    guard !isOver else { return }
    isOver = true
    if let refusal { promise.succeed(refusal) } else { promise.fail(ChannelError.eof) }
  }
}
