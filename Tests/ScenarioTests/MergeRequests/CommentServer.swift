import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Values

/// The part of GitLab's and GitHub's APIs that comments on merge requests, on this machine and with one of each.
final class CommentServer: Sendable {
  struct Comment: Sendable, Equatable {
    var id: Int
    var author: String
    var body: String
  }

  /// What whoever has the token may do.
  enum Rights: Sendable {
    case all
    /// A job's own token on GitHub, which is not told who it is.
    case anonymous
    /// Reads, but adds and edits nothing.
    case reading
  }

  struct State: Sendable {
    var comments: [Comment] = []
    var rights = Rights.all
    /// `GET /user`, for each request.
    var lines: [String] = []
    /// An edit finds that somebody has just removed the comment.
    var isGoneWhenEdited = false
  }

  static let token = "glpat-secret_TOKEN.1"
  static let gitlabComments = "/api/v4/projects/7/merge_requests/3/notes"
  static let githubComments = "/repos/acme/fleet/issues/3/comments"

  let state = Mutex(State())

  /// Serves for as long as the body runs, on the port that it is given.
  static func run(_ body: @Sendable (CommentServer, Int) async throws -> Void) async throws {
    let server = CommentServer()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(CommentHandler(server: server))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    do {
      try await body(server, channel.localAddress?.port ?? 0)
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  fileprivate func answer(_ head: HTTPRequestHead, _ body: [UInt8]) -> (HTTPResponseStatus, JSON) {
    let isGitLab = head.uri.hasPrefix("/api/v4/")
    let given = head.headers.first(name: isGitLab ? "PRIVATE-TOKEN" : "Authorization")
    guard given == (isGitLab ? Self.token : "Bearer \(Self.token)") else {
      return (.unauthorized, ["message": "401 Unauthorized"])
    }
    let path = head.uri.prefix { $0 != "?" }
    let text = (try? JSON.parse(body))?["body"]?.string
    return state.withLock { state in
      state.lines.append("\(head.method.rawValue) \(head.uri)")
      func wire(_ one: Comment) -> JSON {
        [
          "id": JSON(one.id), "body": .string(one.body),
          isGitLab ? "author" : "user": Self.user(one.author, isGitLab),
        ]
      }
      switch (head.method, path) {
      case (.GET, "/user"), (.GET, "/api/v4/user"):
        return state.rights == .anonymous ? (.forbidden, [:]) : (.ok, Self.user("bot", isGitLab))
      case (.GET, Self.gitlabComments[...]), (.GET, Self.githubComments[...]):
        let query = head.uri.drop { $0 != "?" }.dropFirst().split(separator: "&")
        func number(_ name: String) -> Int? {
          query.first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
        }
        let size = number("per_page") ?? 20
        let page = state.comments.dropFirst(((number("page") ?? 1) - 1) * size).prefix(size)
        return (.ok, .array(page.map(wire)))
      case (.POST, Self.gitlabComments[...]), (.POST, Self.githubComments[...]):
        guard state.rights != .reading, let text else { return (.forbidden, [:]) }
        let one = Comment(
          id: 1_000 + state.comments.count,
          author: state.rights == .anonymous ? "github-actions[bot]" : "bot",
          body: text)
        state.comments.append(one)
        return (.created, wire(one))
      default:
        let folder = isGitLab ? Self.gitlabComments : "/repos/acme/fleet/issues/comments"
        guard head.method == (isGitLab ? .PUT : .PATCH), path.hasPrefix("\(folder)/"), let text,
          let id = Int(path.dropFirst(folder.count + 1)), !state.isGoneWhenEdited,
          let index = state.comments.firstIndex(where: { $0.id == id })
        else { return (.notFound, ["message": "404 Not found"]) }
        guard state.rights != .reading else { return (.forbidden, [:]) }
        state.comments[index].body = text
        return (.ok, wire(state.comments[index]))
      }
    }
  }

  /// GitLab knows people by number, GitHub by name.
  private static func user(_ name: String, _ isGitLab: Bool) -> JSON {
    isGitLab
      ? ["id": JSON(name.utf8.reduce(0) { $0 + Int($1) }), "username": .string(name)]
      : ["login": .string(name)]
  }
}

private final class CommentHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let server: CommentServer
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []

  init(server: CommentServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): (self.head, body) = (head, [])
    case .body(let bytes): body += bytes.readableBytesView
    case .end:
      guard let head else { return }
      let (status, json) = server.answer(head, body)
      let text = ByteBuffer(string: json.text())
      let headers: HTTPHeaders = [
        "Content-Type": "application/json", "Content-Length": "\(text.readableBytes)",
      ]
      context.write(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
        promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
