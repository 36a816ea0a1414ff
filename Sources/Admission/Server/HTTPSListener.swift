import HTTPServing
import HTTPTypes
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

/// The HTTPS server around the handler: adds only limits and timeouts.
struct HTTPSListener: Sendable {
  /// API servers keep a handful of connections.
  static let connectionLimit = 128
  /// The timeout of a whole request. API servers use 10 s by default.
  static let requestTimeout: Duration = .seconds(10)

  let handler: AdmissionHandler
  let clock: any Clock<Duration>
  let logger: Logger
  var timing = ConnectionTiming()
  var table = ConnectionTable()
  var budget = BodyBudget()

  /// Creates the server; it binds its address when it runs.
  /// - Parameter onRunning: called with the port that it listens on.
  func server(
    address: String, port: Int, _ configuration: TLSConfiguration,
    onRunning: @escaping @Sendable (Int) async -> Void
  ) throws -> any Service {
    var quiet = logger
    // The daemon logs the server's events with its own messages.
    quiet.logLevel = .error
    let limits = HTTP1Channel.Configuration(
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
    return try HTTPServerBuilder { responder in
      let plain = HTTP1Channel(responder: responder, configuration: limits)
      return LimitedChannel(
        base: try TLSChannel(plain, tlsConfiguration: configuration), table: table, timing: timing)
    }
    .buildServer(
      configuration: ServerConfiguration(
        address: .hostname(address, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet,
      responder: { request, writer, channel in
        table.allow(channel, timing.request)
        let reply = await reply(to: request)
        try await writer.write(response: reply.response.head, body: reply.response.body)
        // The rest of a refused request's body is not awaited.
        table.allow(channel, reply.status == 200 ? timing.idle : timing.closing)
      },
      onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) })
  }

  private func reply(to request: Request) async -> AdmissionHandler.Reply {
    let refusal = AdmissionHandler.refusal(
      method: request.method.rawValue, path: request.uri.path,
      contentType: request.headers[.contentType], length: request.headers[.contentLength].flatMap { Int($0) })
    if let refusal { return refusal }
    return await withTaskGroup(of: AdmissionHandler.Reply?.self) { group in
      group.addTask {
        // Fails if the client disconnects or the timeout has passed.
        try? await judged(request.body)
      }
      group.addTask {
        try? await clock.sleep(for: Self.requestTimeout)
        return AdmissionHandler.tooSlow
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? AdmissionHandler.tooSlow
    }
  }

  /// Reads a body, up to the size limit, and checks it.
  private func judged(_ parts: RequestBody) async throws -> AdmissionHandler.Reply {
    let share = budget.share()
    var body: [UInt8] = []
    for try await part in parts {
      guard body.count + part.readableBytes <= AdmissionHandler.bodyLimit else {
        return AdmissionHandler.tooLarge
      }
      guard share.take(part.readableBytes) else { return AdmissionHandler.tooBusy }
      body += part.readableBytesView
    }
    defer { withExtendedLifetime(share) {} }
    return await handler.reply(to: body)
  }
}

extension AdmissionHandler.Reply {
  fileprivate var response: Response {
    var headers: HTTPFields = [.contentType: contentType]
    if status == 405 { headers[.allow] = "POST" }
    return Response(
      status: HTTPResponse.Status(code: status), headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}
