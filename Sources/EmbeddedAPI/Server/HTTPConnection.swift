import NIOCore
import NIOHTTP1
import Values

/// Serves the requests of one connection, one after the other.
struct HTTPConnection: Sendable {
  /// The largest body; the store accepts objects of 1 MiB.
  static let bodyLimit = 3 << 20

  let handler: APIHandler
  let token: BearerToken

  private typealias Parts = NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
  private typealias Writer = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

  /// - Parameter onAuthorized: called when the client has sent the token.
  func serve(
    _ connection: HTTPSListener.HTTPChannel, _ onAuthorized: @escaping @Sendable () -> Void
  ) async throws {
    let channel = connection.channel
    try await connection.executeThenClose { inbound, outbound in
      var parts = inbound.makeAsyncIterator()
      while case .head(let head)? = try await parts.next() {
        guard token.matches(authorization: head.headers.first(name: "Authorization")) else {
          try await write(.failure(.unauthorized), to: outbound, isLast: true, hasBody: head.method != .HEAD)
          return
        }
        onAuthorized()
        let reply: Reply
        var isLast = !head.isKeepAlive
        do throws(APIFailure) {
          let body = try await Self.body(&parts)
          let request = try Self.request(head, body)
          reply = await handler.reply(to: request)
        } catch {
          // The rest of the body is not read.
          reply = .failure(error)
          isLast = true
        }
        guard case .stream(let type, let body) = reply else {
          try await write(reply, to: outbound, isLast: isLast, hasBody: head.method != .HEAD)
          if isLast { return }
          continue
        }
        try await stream(type, body, &parts, outbound, channel)
        return
      }
    }
  }

  private static func request(_ head: HTTPRequestHead, _ body: [UInt8]) throws(APIFailure) -> APIRequest {
    var headers: [String: String] = [:]
    for field in head.headers {
      let name = field.name.lowercased()
      headers[name] = headers[name].map { "\($0),\(field.value)" } ?? field.value
    }
    let request = APIRequest(
      method: head.method.rawValue, target: head.uri, headers: headers, body: body)
    guard let request else { throw .badRequest("the request target is malformed") }
    return request
  }

  private static func body(_ parts: inout Parts) async throws(APIFailure) -> [UInt8] {
    var body: [UInt8] = []
    do {
      while let part = try await parts.next() {
        switch part {
        case .head: throw APIFailure.badRequest("a request began before the last one had ended")
        case .body(let bytes):
          guard body.count + bytes.readableBytes <= bodyLimit else {
            throw APIFailure(413, "RequestEntityTooLarge", "the body has more than \(bodyLimit) bytes")
          }
          body += bytes.readableBytesView
        case .end: return body
        }
      }
    } catch let failure as APIFailure {
      throw failure
    } catch {
      // The connection is closed.
    }
    throw .badRequest("the request ended early")
  }

  private func write(_ reply: Reply, to outbound: Writer, isLast: Bool, hasBody: Bool) async throws {
    var headers = HTTPHeaders()
    var code = 200
    var bytes: [UInt8] = []
    switch reply {
    case .json(let json, let status, let type, let warnings):
      code = status
      bytes = json.serialized()
      headers.add(name: "Content-Type", value: type)
      for warning in warnings { headers.add(name: "Warning", value: Self.warning(warning)) }
      if let seconds = json["details"]?["retryAfterSeconds"]?.count(), code != 200 {
        headers.add(name: "Retry-After", value: "\(seconds)")
      }
    case .bytes(let body, let type):
      bytes = body
      headers.add(name: "Content-Type", value: type)
    case .stream: break
    }
    headers.add(name: "Content-Length", value: "\(bytes.count)")
    headers.add(name: "Cache-Control", value: "no-cache, private")
    if isLast { headers.add(name: "Connection", value: "close") }
    let head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: code), headers: headers)
    try await outbound.write(.head(head))
    if hasBody, !bytes.isEmpty { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }
    try await outbound.write(.end(nil))
  }

  /// The time in which a client closes the connection after the end of a stream.
  private static let closingTime = Duration.seconds(2)

  /// Sends a body until it ends or the client disconnects; the connection is closed afterwards.
  private func stream(
    _ type: String, _ body: @escaping @Sendable (Reply.Send) async throws -> Void, _ parts: inout Parts,
    _ outbound: Writer, _ channel: any Channel
  ) async throws {
    let head = HTTPResponseHead(
      version: .http1_1, status: .ok,
      headers: [
        "Content-Type": type, "Transfer-Encoding": "chunked", "Cache-Control": "no-cache, private",
        "Connection": "close",
      ])
    try await outbound.write(.head(head))
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await body(
            Reply.Send { bytes in
              try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
            })
          try await outbound.write(.end(nil))
          try await Task.sleep(for: Self.closingTime)
        } catch {
          // The client has disconnected, or the source of the stream has failed: the body stays incomplete.
        }
        channel.close(promise: nil)
      }
      // Ends when the client disconnects.
      while let part = try? await parts.next() {
        if case .head = part { break }
      }
      group.cancelAll()
    }
  }

  /// A `Warning` field, which kubectl prints to standard error (RFC 7234).
  static func warning(_ text: String) -> String {
    var quoted = ""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { quoted += "\\" }
      quoted.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
    }
    return "299 - \"\(quoted)\""
  }
}
