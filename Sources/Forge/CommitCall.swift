import Values

/// A request about one commit, in the format of each forge.
///
/// Sources: GitLab, "Commits API"; GitHub, "REST API endpoints for commit statuses".
struct CommitCall: Sendable, Hashable {
  enum Method: String, Sendable, Hashable { case get = "GET", post = "POST", put = "PUT", patch = "PATCH" }

  var method: Method
  var url: String
  var headers: [String: String]
  var body: String?
}

extension ForgeSettings {
  /// The longest description, in characters.
  var descriptionLimit: Int { kind == .gitlab ? 255 : 140 }

  /// The request for a commit's statuses, to find the one that kdops set before.
  func ask(_ commit: String, token: String) -> CommitCall {
    let query = "per_page=100"
    let url =
      switch kind {
      case .gitlab:
        "\(url)/projects/\(place)/repository/commits/\(commit)/statuses?name=\(CommitCall.escaped(context))&\(query)"
      case .github: "\(url)/repos/\(place)/commits/\(commit)/statuses?\(query)"
      }
    return CommitCall(method: .get, url: url, headers: headers(token))
  }

  func report(_ state: CommitState, token: String) -> CommitCall {
    var body: JSON = [
      "state": .string(word(state.state)), "context": .string(context),
      "description": .string(cut(state.description)),
    ]
    // Without `ref`, GitLab guesses the branch if the commit is on several.
    if kind == .gitlab { body["ref"] = .string(branch) }
    let url =
      switch kind {
      case .gitlab: "\(url)/projects/\(place)/statuses/\(state.commit)"
      case .github: "\(url)/repos/\(place)/statuses/\(state.commit)"
      }
    var headers = headers(token)
    headers["Content-Type"] = "application/json"
    return CommitCall(method: .post, url: url, headers: headers, body: body.text(pretty: false))
  }

  /// The status that kdops set on a commit, from the answer to `ask`; nil if there is none.
  func reported(_ commit: String, _ answer: JSON) -> CommitState? {
    let ours = (answer.array ?? []).filter { status in
      // GitHub compares contexts case-insensitively.
      kind == .gitlab
        ? status["name"]?.string == context
        : status["context"]?.string?.lowercased() == context.lowercased()
    }
    guard let last = ours.max(by: { ($0["id"]?.integer ?? 0) < ($1["id"]?.integer ?? 0) }),
      let word = last[kind == .gitlab ? "status" : "state"]?.string,
      let state = CommitState.State(rawValue: word == "failure" || word == "error" ? "failed" : word)
    else { return nil }
    return CommitState(commit: commit, state: state, description: last["description"]?.string ?? "")
  }

  /// The description, cut to the length that the forge accepts.
  func cut(_ description: String) -> String {
    description.count <= descriptionLimit
      ? description : String(description.prefix(descriptionLimit - 1)) + "…"
  }

  private func word(_ state: CommitState.State) -> String {
    guard kind == .github else { return state.rawValue }
    return switch state {
    // GitHub has no state between waiting and finished.
    case .pending, .running: "pending"
    case .success: "success"
    case .failed: "failure"
    }
  }

  /// The state as the forge returns it after it was set.
  func seen(_ state: CommitState) -> CommitState {
    var seen = state
    seen.description = cut(state.description)
    if kind == .github, state.state == .running { seen.state = .pending }
    return seen
  }

  var place: String { kind == .gitlab ? CommitCall.escaped(project) : project }

  func headers(_ token: String) -> [String: String] {
    switch kind {
    case .gitlab: ["PRIVATE-TOKEN": token, "User-Agent": "kdops", "Accept": "application/json"]
    case .github:
      [
        "Authorization": "Bearer \(token)", "User-Agent": "kdops", "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
      ]
    }
  }
}

extension CommitCall {
  /// Whether a byte needs no escape in a URL component (RFC 3986, section 2.3).
  static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~".utf8.contains(byte)
    }
  }

  static func escaped(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      bytes +=
        isUnreserved(byte) ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
