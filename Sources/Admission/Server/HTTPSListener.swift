import HTTPTypes
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

/// The HTTPS server around the handler: limits, time, and nothing else.
struct HTTPSListener: Sendable {
  /// API servers keep a handful of connections.
  static let connectionLimit = 128
  /// Longer than API servers keep an idle connection (90 s), so that it is they who close it: whoever posts into a
  /// connection that is just being closed loses the request.
  static let idleTimeout: TimeAmount = .seconds(120)
  /// For a request as a whole. API servers give up after 10 s unless told otherwise.
  static let requestTimeout: Duration = .seconds(10)
  /// After a refused body, for the client to read why.
  private static let farewell: TimeAmount = .seconds(2)

  let handler: AdmissionHandler
  let clock: any Clock<Duration>
  let logger: Logger

  /// The server, bound when it runs.
  /// - Parameter onRunning: told the port that it listens on.
  func server(
    address: String, port: Int, _ configuration: TLSConfiguration,
    onRunning: @escaping @Sendable (Int) async -> Void
  ) throws -> any Service {
    var quiet = logger
    // What it has to say of its own, the daemon says in its own words.
    quiet.logLevel = .error
    let limits = HTTP1Channel.Configuration(
      idleTimeout: Self.idleTimeout,
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
    return try HTTPServerBuilder.tls(.http1(configuration: limits), tlsConfiguration: configuration)
      .buildServer(
        configuration: ServerConfiguration(
          address: .hostname(address, port: port),
          availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet,
        responder: { request, writer, channel in
          let reply = await reply(to: request)
          try await writer.write(response: reply.response.head, body: reply.response.body)
          // What is still to come of the body is not waited for.
          if reply.status == 413 || reply.status == 408 {
            channel.eventLoop.scheduleTask(in: Self.farewell) { channel.close(promise: nil) }
          }
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
        do {
          let body = try await request.body.collect(upTo: AdmissionHandler.bodyLimit)
          return await handler.reply(to: Array(buffer: body))
        } catch is NIOTooManyBytesError {
          return AdmissionHandler.tooLarge
        } catch {
          // The client went away, or its time is over.
          return nil
        }
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
