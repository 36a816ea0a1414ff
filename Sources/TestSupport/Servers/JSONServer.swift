import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Values

/// A local HTTP server that sends and receives JSON, with the responses that a test defines.
public final class JSONServer: Sendable {
  public struct Request: Sendable {
    public var method: String
    /// Includes the query.
    public var uri: String
    /// By lowercase name.
    public var headers: [String: String]
    /// Nil if there is no body or it is not JSON.
    public var body: JSON?

    public var path: String { String(uri.prefix { $0 != "?" }) }

    /// A number in the query.
    public func number(_ name: String) -> Int? {
      let query = uri.drop { $0 != "?" }.dropFirst().split(separator: "&")
      return query.first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
    }
  }

  public struct Answer: Sendable {
    public var code: Int
    public var headers: [String: String]
    public var body: JSON

    public init(_ code: Int, headers: [String: String] = [:], _ body: JSON = [:]) {
      (self.code, self.headers, self.body) = (code, headers, body)
    }
  }

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  public let port: Int

  /// Serves on a free port of 127.0.0.1 until it is stopped.
  ///
  /// - Parameter tls: The configuration for HTTPS; nil for plain HTTP.
  public init(tls: TLSConfiguration? = nil, _ answer: @escaping @Sendable (Request) -> Answer) async throws {
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(Handler(answer))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  public func stop() async { try? await group.shutdownGracefully() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (Request) -> Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ answer: @escaping @Sendable (Request) -> Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): (self.head, body) = (head, [])
      case .body(let bytes): body += bytes.readableBytesView
      case .end:
        guard let head else { return }
        let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
        let answer = answer(
          Request(
            method: head.method.rawValue, uri: head.uri,
            headers: Dictionary(headers, uniquingKeysWith: { $1 }), body: try? JSON.parse(body)))
        let text = ByteBuffer(string: answer.body.text())
        var fields: HTTPHeaders = [
          "Content-Type": "application/json", "Content-Length": "\(text.readableBytes)",
        ]
        for (name, value) in answer.headers { fields.add(name: name, value: value) }
        let status = HTTPResponseStatus(statusCode: answer.code)
        context.write(
          wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields))),
          promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
