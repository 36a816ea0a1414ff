import Synchronization
import TestSupport
import Values

/// A local server with the part of GitLab's and GitHub's APIs that comments on merge requests.
final class CommentServer: Sendable {
  struct Comment: Sendable, Equatable {
    var id: Int
    var author: String
    var body: String
  }

  /// The permissions of the token.
  enum Rights: Sendable {
    case all
    /// A job's own token on GitHub, which may not read its user.
    case anonymous
    /// Reads, but adds and edits nothing.
    case reading
  }

  struct State: Sendable {
    var comments: [Comment] = []
    var rights = Rights.all
    /// `GET /user`, for each request.
    var lines: [String] = []
    /// An edit finds that the comment has just been deleted.
    var isGoneWhenEdited = false
  }

  static let token = "glpat-secret_TOKEN.1"
  static let gitlabComments = "/api/v4/projects/7/merge_requests/3/notes"
  static let githubComments = "/repos/acme/fleet/issues/3/comments"

  let state = Mutex(State())

  /// Serves for as long as the body runs, and passes its port to the body.
  static func run(_ body: @Sendable (CommentServer, Int) async throws -> Void) async throws {
    let server = CommentServer()
    let wire = try await JSONServer { server.answer($0) }
    do {
      try await body(server, wire.port)
    } catch {
      await wire.stop()
      throw error
    }
    await wire.stop()
  }

  private func answer(_ request: JSONServer.Request) -> JSONServer.Answer {
    let (method, path) = (request.method, request.path)
    let isGitLab = path.hasPrefix("/api/v4/")
    let given = request.headers[isGitLab ? "private-token" : "authorization"]
    guard given == (isGitLab ? Self.token : "Bearer \(Self.token)") else {
      return .init(401, ["message": "401 Unauthorized"])
    }
    let text = request.body?["body"]?.string
    return state.withLock { state in
      state.lines.append("\(method) \(request.uri)")
      func wire(_ one: Comment) -> JSON {
        [
          "id": JSON(one.id), "body": .string(one.body),
          isGitLab ? "author" : "user": Self.user(one.author, isGitLab),
        ]
      }
      switch (method, path) {
      case ("GET", "/user"), ("GET", "/api/v4/user"):
        return state.rights == .anonymous ? .init(403) : .init(200, Self.user("bot", isGitLab))
      case ("GET", Self.gitlabComments), ("GET", Self.githubComments):
        let size = request.number("per_page") ?? 20
        let page = state.comments.dropFirst(((request.number("page") ?? 1) - 1) * size).prefix(size)
        return .init(200, .array(page.map(wire)))
      case ("POST", Self.gitlabComments), ("POST", Self.githubComments):
        guard state.rights != .reading, let text else { return .init(403) }
        let one = Comment(
          id: 1_000 + state.comments.count,
          author: state.rights == .anonymous ? "github-actions[bot]" : "bot",
          body: text)
        state.comments.append(one)
        return .init(201, wire(one))
      default:
        let folder = isGitLab ? Self.gitlabComments : "/repos/acme/fleet/issues/comments"
        guard method == (isGitLab ? "PUT" : "PATCH"), path.hasPrefix("\(folder)/"), let text,
          let id = Int(path.dropFirst(folder.count + 1)), !state.isGoneWhenEdited,
          let index = state.comments.firstIndex(where: { $0.id == id })
        else { return .init(404, ["message": "404 Not found"]) }
        guard state.rights != .reading else { return .init(403) }
        state.comments[index].body = text
        return .init(200, wire(state.comments[index]))
      }
    }
  }

  /// GitLab identifies users by number, GitHub by name.
  private static func user(_ name: String, _ isGitLab: Bool) -> JSON {
    isGitLab
      ? ["id": JSON(name.utf8.reduce(0) { $0 + Int($1) }), "username": .string(name)]
      : ["login": .string(name)]
  }
}
