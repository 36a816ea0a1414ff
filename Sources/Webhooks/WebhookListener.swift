import Diagnostics
import FoundationEssentials
import HTTPServing
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The HTTP server around the handler: adds only limits and timeouts.
struct WebhookListener: Sendable {
  /// A forge opens a connection for each delivery, and has several workers.
  static let connectionLimit = 128
  /// The timeout of a whole request. GitHub and GitLab use 10 s.
  static let requestTimeout: Duration = .seconds(10)
  /// The largest file of secrets, in bytes.
  private static let secretsLimit = 64 << 10

  let handler: WebhookHandler
  let secretFile: String
  let trigger: FetchTrigger
  let clock: any Clock<Duration>
  let logger: Logger
  var timing = ConnectionTiming(opening: .seconds(10), idle: .seconds(30))
  var table = ConnectionTable()
  var budget = BodyBudget()
  private let secretProblem = LoggedProblem()

  /// Creates the server; it binds its address when it runs.
  ///
  /// - Parameter onRunning: called with the port that it listens on.
  func server(
    address: String, port: Int, onRunning: @escaping @Sendable (Int) async -> Void
  ) throws -> any Service {
    var quiet = logger
    // The daemon logs the server's events with its own messages.
    quiet.logLevel = .error
    let limits = HTTP1Channel.Configuration(
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
    return try HTTPServerBuilder { responder in
      LimitedChannel(
        base: HTTP1Channel(responder: responder, configuration: limits), table: table, timing: timing)
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
        table.allow(channel, reply.status == 202 ? timing.idle : timing.closing)
      },
      onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) })
  }

  private func reply(to request: Request) async -> WebhookHandler.Reply {
    let fields = request.headers.map { ($0.name.rawName.lowercased(), $0.value) }
    let head = WebhookHandler.Head(
      method: request.method.rawValue, path: request.uri.path,
      // A repeated header is refused by the check of its joined value.
      headers: Dictionary(fields, uniquingKeysWith: { "\($0), \($1)" }))
    if let refusal = handler.refusal(head) { return refusal }
    return await withTaskGroup(of: WebhookHandler.Reply?.self) { group in
      group.addTask {
        // Fails if the client disconnects or the timeout has passed.
        try? await answer(head, request.body)
      }
      group.addTask {
        try? await clock.sleep(for: Self.requestTimeout)
        return WebhookHandler.tooSlow
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? WebhookHandler.tooSlow
    }
  }

  /// Reads a body, up to the size limit, and answers it.
  private func answer(_ head: WebhookHandler.Head, _ parts: RequestBody) async throws -> WebhookHandler.Reply
  {
    let share = budget.share()
    var body: [UInt8] = []
    for try await part in parts {
      guard body.count + part.readableBytes <= WebhookHandler.bodyLimit else {
        return WebhookHandler.tooLarge
      }
      guard share.take(part.readableBytes) else { return WebhookHandler.tooBusy }
      body += part.readableBytesView
    }
    defer { withExtendedLifetime(share) {} }
    let reply = handler.reply(head, body: body, secrets: secrets())
    if reply.fetches {
      logger.debug("webhook.push", metadata: ["path": "\(head.path)"])
      trigger()
    }
    return reply
  }

  /// Reads the secrets; nil if they cannot be used.
  private func secrets() -> WebhookSecrets? {
    let content = FileManager.default.contents(atPath: secretFile)
    let secrets = content.flatMap { data in
      data.count > Self.secretsLimit ? nil : WebhookSecrets(String(decoding: data, as: UTF8.self))
    }
    if secretProblem.isNew(secrets == nil) {
      logger.warning(
        "webhook.secret.unusable",
        metadata: [
          "file": "\(secretFile)",
          "hint":
            "it must be readable, with secrets of at least \(WebhookSecrets.smallest) bytes, one a line",
        ])
    }
    return secrets
  }
}

extension WebhookHandler.Reply {
  fileprivate var response: Response {
    var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
    if status == 405 { headers[.allow] = "POST" }
    return Response(
      status: HTTPResponse.Status(code: status), headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(string: "\(TerminalText.visible(sentence))\n")))
  }
}
