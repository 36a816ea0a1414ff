import Forge
import Synchronization
import TestSupport
import Values

/// A forge in this process with one merged merge request: it stores comments by the documented rules of GitLab or
/// GitHub.
final class CommentServer: Sendable {
  struct Comment: Sendable, Hashable {
    var id: Int
    var body: String
    var isOurs = true
  }

  private struct State {
    var comments: [Comment] = []
    var hasRequest = true
    var faults: [Int] = []
    var seen: [String] = []
  }

  private let kind: ForgeSettings.Kind
  private let state = Mutex(State())
  private let server = Mutex<JSONServer?>(nil)

  init(_ kind: ForgeSettings.Kind) { self.kind = kind }

  /// Starts the server.
  ///
  /// - Returns: its URL.
  func start() async throws -> String {
    let started = try await JSONServer { self.answer($0) }
    server.withLock { $0 = started }
    return "http://127.0.0.1:\(started.port)"
  }

  func stop() async { await server.withLock { $0 }?.stop() }

  func put(_ body: String, isOurs: Bool = true) {
    state.withLock { $0.comments.append(Comment(id: $0.comments.count + 1, body: body, isOurs: isOurs)) }
  }
  func removeRequest() { state.withLock { $0.hasRequest = false } }
  func fail(_ codes: Int...) { state.withLock { $0.faults += codes } }
  var comments: [String] { state.withLock { $0.comments.map(\.body) } }
  /// The requests: `GET /projects/…`.
  var seen: [String] { state.withLock { $0.seen } }

  // MARK: Requests

  private func answer(_ request: JSONServer.Request) -> JSONServer.Answer {
    state.withLock { state in
      state.seen.append("\(request.method) \(request.path)")
      if !state.faults.isEmpty { return JSONServer.Answer(state.faults.removeFirst(), ["message": "fault"]) }
      let token = kind == .gitlab ? request.headers["private-token"] : request.headers["authorization"]
      guard token == (kind == .gitlab ? "s3cret" : "Bearer s3cret") else { return JSONServer.Answer(401) }
      let root = kind == .gitlab ? "/api/v4/projects/team%2Ffleet" : "/repos/team/fleet"
      guard request.path.hasPrefix(root) else { return JSONServer.Answer(404) }
      return answer(request, String(request.path.dropFirst(root.count)), &state)
    }
  }

  private func answer(
    _ request: JSONServer.Request, _ path: String, _ state: inout State
  ) -> JSONServer.Answer {
    let comments = kind == .gitlab ? "/merge_requests/7/notes" : "/issues/7/comments"
    let edited = kind == .gitlab ? comments : "/issues/comments"
    let isLookUp =
      kind == .gitlab
      ? path.hasPrefix("/repository/commits/") && path.hasSuffix("/merge_requests")
      : path.hasPrefix("/commits/") && path.hasSuffix("/pulls")
    switch request.method {
    case "GET" where isLookUp: return JSONServer.Answer(200, .array(state.hasRequest ? requests : []))
    case "GET" where path == comments:
      let size = request.number("per_page") ?? 20
      let all = state.comments.dropFirst(((request.number("page") ?? 1) - 1) * size).prefix(size)
      return JSONServer.Answer(200, .array(all.map { ["id": JSON($0.id), "body": .string($0.body)] }))
    case "POST" where path == comments:
      guard let body = request.body?["body"]?.string else { return JSONServer.Answer(422) }
      state.comments.append(Comment(id: state.comments.count + 1, body: body))
      return JSONServer.Answer(201)
    case kind == .gitlab ? "PUT" : "PATCH":
      guard path.hasPrefix("\(edited)/"), let id = Int(path.dropFirst(edited.count + 1)),
        let index = state.comments.firstIndex(where: { $0.id == id }),
        let body = request.body?["body"]?.string
      else { return JSONServer.Answer(404) }
      guard state.comments[index].isOurs else { return JSONServer.Answer(403) }
      state.comments[index].body = body
      return JSONServer.Answer(200)
    default: return JSONServer.Answer(404)
    }
  }

  private var requests: [JSON] {
    switch kind {
    case .gitlab:
      [
        ["iid": 5, "state": "opened", "target_branch": "main"],
        ["iid": 6, "state": "merged", "target_branch": "other"],
        ["iid": 7, "state": "merged", "target_branch": "main"],
      ]
    case .github:
      [
        ["number": 5, "merged_at": nil, "base": ["ref": "main"]],
        ["number": 6, "merged_at": "2026-01-01T00:00:00Z", "base": ["ref": "other"]],
        ["number": 7, "merged_at": "2026-01-01T00:00:00Z", "base": ["ref": "main"]],
      ]
    }
  }
}
