import Forge
import Synchronization
import TestSupport
import Values

/// A forge in this process: it stores or refuses commit statuses by the documented rules of GitLab or GitHub.
final class ForgeServer: Sendable {
  /// An error that it returns instead.
  struct Fault: Sendable {
    var code: Int
    var headers: [String: String] = [:]
  }

  private struct State {
    var token = "s3cret"
    /// By commit, the oldest first.
    var statuses: [String: [JSON]] = [:]
    var faults: [Fault] = []
    var seen: [JSONServer.Request] = []
  }

  private let kind: ForgeSettings.Kind
  private let state = Mutex(State())
  private let server = Mutex<JSONServer?>(nil)

  init(_ kind: ForgeSettings.Kind) { self.kind = kind }

  /// - Returns: its address.
  func start() async throws -> String {
    let started = try await JSONServer { self.answer($0) }
    server.withLock { $0 = started }
    return "http://127.0.0.1:\(started.port)"
  }

  func stop() async { await server.withLock { $0 }?.stop() }

  func set(token: String) { state.withLock { $0.token = token } }
  func fail(_ faults: Fault...) { state.withLock { $0.faults += faults } }
  var seen: [JSONServer.Request] { state.withLock { $0.seen } }
  var posts: [JSONServer.Request] { seen.filter { $0.method == "POST" } }

  /// The statuses of a commit, the oldest first: `running: 2 of 6 pods`.
  func states(_ commit: String) -> [String] {
    state.withLock { state in
      (state.statuses[commit] ?? []).map { status in
        "\(status[kind == .gitlab ? "status" : "state"]?.string ?? ""): \(status["description"]?.string ?? "")"
      }
    }
  }

  /// Adds a status as another client.
  func put(_ commit: String, _ status: JSON) {
    state.withLock { $0.statuses[commit, default: []].append(status) }
  }

  // MARK: Requests

  private func answer(_ request: JSONServer.Request) -> JSONServer.Answer {
    state.withLock { state in
      state.seen.append(request)
      if !state.faults.isEmpty {
        let fault = state.faults.removeFirst()
        return .init(
          fault.code, headers: fault.headers, ["message": "for s3cret reasons: https://me:pw@forge.example/"])
      }
      let isKnown =
        kind == .gitlab
        ? request.headers["private-token"] == state.token
        : request.headers["authorization"] == "Bearer \(state.token)"
      guard isKnown else { return .init(401, ["message": "401 Unauthorized"]) }
      let path = request.path
      let root = kind == .gitlab ? "/api/v4/projects/team%2Ffleet" : "/repos/team/fleet"
      let list = kind == .gitlab ? "\(root)/repository/commits/" : "\(root)/commits/"
      if request.method == "GET", path.hasPrefix(list), path.hasSuffix("/statuses") {
        let commit = String(path.dropFirst(list.count).dropLast("/statuses".count))
        return .init(200, .array((state.statuses[commit] ?? []).reversed()))
      }
      guard request.method == "POST", path.hasPrefix("\(root)/statuses/"), let body = request.body else {
        return .init(404, ["message": "404 Project Not Found"])
      }
      return post(String(path.dropFirst("\(root)/statuses/".count)), body, &state)
    }
  }

  private func post(_ commit: String, _ body: JSON, _ state: inout State) -> JSONServer.Answer {
    let (word, description) = (body["state"]?.string ?? "", body["description"]?.string ?? "")
    let words =
      kind == .gitlab
      ? ["pending", "running", "success", "failed", "canceled"] : ["error", "failure", "pending", "success"]
    guard commit.count == 40, words.contains(word), description.count <= (kind == .gitlab ? 255 : 140) else {
      return .init(kind == .gitlab ? 400 : 422, ["message": "Validation Failed"])
    }
    let context = body["context"]?.string ?? "default"
    var status: JSON = ["id": JSON(state.seen.count), "description": .string(description)]
    if kind == .gitlab {
      let last = state.statuses[commit]?.last { $0["name"]?.string == context }?["status"]?.string
      let isStuck =
        (word == "pending" && (last == "pending" || last == "running")) || (word == "running" && last == word)
      if isStuck {
        return .init(400, ["message": .string("Cannot transition status via :enqueue from :\(last ?? "")")])
      }
      (status["name"], status["status"]) = (.string(context), .string(word))
      status["ref"] = body["ref"]
    } else {
      (status["context"], status["state"]) = (.string(context), .string(word))
    }
    state.statuses[commit, default: []].append(status)
    return .init(201, status)
  }
}
