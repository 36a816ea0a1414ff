import NIOCore
import NIOHTTP1
import Values

/// The server's side of one connection, while a request is answered.
struct StubConnection: Sendable {
  let channel: any Channel

  func begin(_ code: Int, _ headers: [(String, String)] = []) async throws {
    var fields = HTTPHeaders([("Content-Type", "application/json")])
    for (name, value) in headers { fields.add(name: name, value: value) }
    try await write(
      .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: fields)))
  }

  /// Returns when the bytes are sent; waits while the client does not read.
  func send(_ bytes: [UInt8]) async throws {
    try await write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }
  func end() async throws { try await write(.end(nil)) }

  /// Closes the connection immediately.
  func cut() { channel.close(promise: nil) }

  private func write(_ part: HTTPServerResponsePart) async throws {
    try await channel.writeAndFlush(part).get()
  }
}

/// The answer of a stub server to one request.
struct StubAnswer: Sendable {
  let give: @Sendable (StubRequest, StubConnection) async throws -> Void

  init(_ give: @escaping @Sendable (StubRequest, StubConnection) async throws -> Void) { self.give = give }

  static func json(_ json: JSON, code: Int = 200, headers: [(String, String)] = []) -> StubAnswer {
    StubAnswer { _, connection in
      let bytes = json.serialized()
      try await connection.begin(code, headers + [("Content-Length", String(bytes.count))])
      try await connection.send(bytes)
      try await connection.end()
    }
  }

  static func text(_ code: Int, _ text: String, headers: [(String, String)] = []) -> StubAnswer {
    StubAnswer { _, connection in
      try await connection.begin(code, headers + [("Content-Length", String(text.utf8.count))])
      try await connection.send(text)
      try await connection.end()
    }
  }

  /// A failure as a Kubernetes `Status`.
  static func status(
    _ code: Int, _ reason: String, _ message: String, details: JSON = [:], headers: [(String, String)] = []
  ) -> StubAnswer {
    json(failure(code, reason, message, details: details), code: code, headers: headers)
  }

  static func failure(_ code: Int, _ reason: String, _ message: String, details: JSON = [:]) -> JSON {
    [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
      "reason": .string(reason), "details": details, "code": JSON(code),
    ]
  }

  /// Reads the request, and ends the connection without an answer.
  static let cut = StubAnswer { _, connection in connection.cut() }

  enum WatchEnd: Sendable {
    /// The server ends the answer properly.
    case orderly
    /// The connection breaks.
    case cut
    /// It stays open and sends nothing more.
    case open
  }

  /// Sends the given text piece by piece.
  static func watch(_ pieces: [String], then end: WatchEnd = .orderly) -> StubAnswer {
    StubAnswer { _, connection in
      try await connection.begin(200)
      for piece in pieces { try await connection.send(piece) }
      switch end {
      case .orderly: try await connection.end()
      case .cut: connection.cut()
      case .open: break
      }
    }
  }
}

/// Lines of a watch.
enum WatchText {
  static func event(_ type: String, _ object: JSON) -> String {
    (["type": .string(type), "object": object] as JSON).text() + "\n"
  }

  static func pod(_ type: String, _ name: String, version: Int) -> String {
    event(type, Samples.pod(name, version: version))
  }

  static func bookmark(version: Int) -> String {
    event("BOOKMARK", ["kind": "Pod", "metadata": ["resourceVersion": .string(String(version))]])
  }
}
