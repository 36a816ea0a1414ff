import Forge
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Values

/// A forge in this process: it keeps states of commits by the documented rules of GitLab or GitHub, and refuses what
/// they refuse.
final class ForgeServer: Sendable {
  /// An answer that it gives instead.
  struct Fault: Sendable {
    var code: Int
    var headers: [String: String] = [:]
  }

  struct Seen: Sendable {
    var method: String
    var uri: String
    var headers: [String: String]
    var body: JSON?
  }

  private struct State {
    var token = "s3cret"
    /// By commit, the oldest first.
    var statuses: [String: [JSON]] = [:]
    var faults: [Fault] = []
    var seen: [Seen] = []
  }

  private let kind: ForgeSettings.Kind
  private let state = Mutex(State())
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let channel = Mutex<(any Channel)?>(nil)

  init(_ kind: ForgeSettings.Kind) { self.kind = kind }

  /// - Returns: its address.
  func start() async throws -> String {
    let bound = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(self))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    channel.withLock { $0 = bound }
    return "http://127.0.0.1:\(bound.localAddress?.port ?? 0)"
  }

  func stop() async {
    try? await channel.withLock { $0 }?.close()
    try? await group.shutdownGracefully()
  }

  func set(token: String) { state.withLock { $0.token = token } }
  func fail(_ faults: Fault...) { state.withLock { $0.faults += faults } }
  var seen: [Seen] { state.withLock { $0.seen } }
  var posts: [Seen] { seen.filter { $0.method == "POST" } }

  /// The states of a commit, the oldest first: `running: 2 of 6 pods`.
  func states(_ commit: String) -> [String] {
    state.withLock { state in
      (state.statuses[commit] ?? []).map { status in
        "\(status[kind == .gitlab ? "status" : "state"]?.string ?? ""): \(status["description"]?.string ?? "")"
      }
    }
  }

  /// A state that somebody else has set.
  func put(_ commit: String, _ status: JSON) {
    state.withLock { $0.statuses[commit, default: []].append(status) }
  }

  // MARK: Answering

  fileprivate func answer(_ request: Seen) -> (Int, [String: String], JSON) {
    state.withLock { state in
      state.seen.append(request)
      if !state.faults.isEmpty {
        let fault = state.faults.removeFirst()
        return (fault.code, fault.headers, ["message": "for s3cret reasons: https://me:pw@forge.example/"])
      }
      let isKnown =
        kind == .gitlab
        ? request.headers["private-token"] == state.token
        : request.headers["authorization"] == "Bearer \(state.token)"
      guard isKnown else { return (401, [:], ["message": "401 Unauthorized"]) }
      let path = String(request.uri.prefix { $0 != "?" })
      let root = kind == .gitlab ? "/api/v4/projects/team%2Ffleet" : "/repos/team/fleet"
      let list = kind == .gitlab ? "\(root)/repository/commits/" : "\(root)/commits/"
      if request.method == "GET", path.hasPrefix(list), path.hasSuffix("/statuses") {
        let commit = String(path.dropFirst(list.count).dropLast("/statuses".count))
        return (200, [:], .array((state.statuses[commit] ?? []).reversed()))
      }
      guard request.method == "POST", path.hasPrefix("\(root)/statuses/"), let body = request.body else {
        return (404, [:], ["message": "404 Project Not Found"])
      }
      return post(String(path.dropFirst("\(root)/statuses/".count)), body, &state)
    }
  }

  private func post(_ commit: String, _ body: JSON, _ state: inout State) -> (Int, [String: String], JSON) {
    let (word, description) = (body["state"]?.string ?? "", body["description"]?.string ?? "")
    let words =
      kind == .gitlab
      ? ["pending", "running", "success", "failed", "canceled"] : ["error", "failure", "pending", "success"]
    guard commit.count == 40, words.contains(word), description.count <= (kind == .gitlab ? 255 : 140) else {
      return (kind == .gitlab ? 400 : 422, [:], ["message": "Validation Failed"])
    }
    let context = body["context"]?.string ?? "default"
    var status: JSON = ["id": JSON(state.seen.count), "description": .string(description)]
    if kind == .gitlab {
      let last = state.statuses[commit]?.last { $0["name"]?.string == context }?["status"]?.string
      let isStuck =
        (word == "pending" && (last == "pending" || last == "running")) || (word == "running" && last == word)
      if isStuck {
        return (400, [:], ["message": .string("Cannot transition status via :enqueue from :\(last ?? "")")])
      }
      (status["name"], status["status"]) = (.string(context), .string(word))
      status["ref"] = body["ref"]
    } else {
      (status["context"], status["state"]) = (.string(context), .string(word))
    }
    state.statuses[commit, default: []].append(status)
    return (201, [:], status)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let server: ForgeServer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ server: ForgeServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): (self.head, body) = (head, [])
      case .body(let bytes): body += bytes.readableBytesView
      case .end:
        guard let head else { return }
        let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
        let (code, more, json) = server.answer(
          Seen(
            method: head.method.rawValue, uri: head.uri,
            headers: Dictionary(headers, uniquingKeysWith: { $1 }), body: try? JSON.parse(body)))
        let bytes = Array(json.text().utf8)
        var fields = HTTPHeaders([("Content-Type", "application/json"), ("Content-Length", "\(bytes.count)")])
        for (name, value) in more { fields.add(name: name, value: value) }
        context.write(
          wrapOutboundOut(
            .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: fields))),
          promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
