/// Decides about one request; independent of connections.
///
/// A request can cause a fetch and nothing else: the daemon reads from the repository what was pushed, never from the
/// payload. A request that is sent again therefore causes one more fetch.
struct WebhookHandler: Sendable {
  struct Reply: Sendable, Hashable {
    var status: Int
    /// One sentence for the log of the sender.
    var sentence: String
    /// Whether the daemon fetches.
    var fetches = false
  }

  /// The part of a request that is known before its body is read.
  struct Head: Sendable, Hashable {
    var method: String
    var path: String
    /// The values by lower-case name.
    var headers: [String: String]
  }

  /// The maximum size of a payload, in bytes.
  static let bodyLimit = 1 << 20

  let branch: String
  let repository: RepositoryName?

  init(_ settings: WebhookSettings) { (branch, repository) = (settings.branch, settings.repository) }

  /// Checks a request's head. Returns nil if the body must be read.
  func refusal(_ head: Head) -> Reply? {
    guard let sender = WebhookSender(path: head.path) else {
      let paths = WebhookSender.allCases.map { WebhookSender.folder + $0.rawValue }.joined(separator: ", ")
      return Reply(status: 404, sentence: "There is nothing here; payloads are posted to one of \(paths).")
    }
    guard head.method == "POST" else {
      return Reply(status: 405, sentence: "Payloads are posted to \(head.path).")
    }
    guard head.headers[sender.credentialHeader] != nil else { return Self.unauthorized(sender) }
    if let length = head.headers["content-length"].flatMap({ Int($0) }), length > Self.bodyLimit {
      return Self.tooLarge
    }
    return nil
  }

  /// Answers a request with its body.
  ///
  /// - Parameter secrets: nil if the file with the secrets cannot be used.
  func reply(_ head: Head, body: [UInt8], secrets: WebhookSecrets?) -> Reply {
    guard let sender = WebhookSender(path: head.path) else { return Self.tooSlow }
    guard let secrets else {
      return Reply(status: 503, sentence: "The daemon cannot read its secret; its log says why.")
    }
    // Nothing of the body is interpreted before this check.
    guard let credential = head.headers[sender.credentialHeader],
      sender.accepts(credential, body: body, secrets: secrets)
    else { return Self.unauthorized(sender) }
    if let type = head.headers["content-type"], !body.isEmpty, !Self.isJSON(type) {
      return Reply(status: 415, sentence: "Set the content type of the webhook to application/json.")
    }
    let event = sender.eventHeader.flatMap { head.headers[$0] }
    guard let payload = PushPayload.read(body, from: sender, event: event) else {
      return Reply(status: 400, sentence: "The payload is no JSON object.")
    }
    return reply(payload)
  }

  private func reply(_ payload: PushPayload) -> Reply {
    guard payload.isPush else { return Self.ignored("this event is not a push of a branch") }
    if let repository, let name = payload.repository, !repository.isNamed(name) {
      return Self.ignored("the daemon follows another repository")
    }
    if let ref = payload.ref, ref != "refs/heads/\(branch)" {
      return Self.ignored("the daemon follows another branch")
    }
    return Reply(status: 202, sentence: "The daemon fetches.", fetches: true)
  }

  /// A success, because GitLab disables a webhook after several failures.
  private static func ignored(_ reason: String) -> Reply {
    Reply(status: 202, sentence: "Nothing to do: \(reason).")
  }

  private static func unauthorized(_ sender: WebhookSender) -> Reply {
    Reply(
      status: 401,
      sentence: "The header \(sender.credentialHeader) is missing or wrong; the secret is not the daemon's.")
  }

  private static func isJSON(_ type: String) -> Bool {
    type.prefix { $0 != ";" && $0 != " " }.lowercased() == "application/json"
  }

  static let tooLarge = Reply(
    status: 413,
    sentence:
      "The payload has more than the \(bodyLimit) bytes that are read; the daemon fetches at its interval.")
  static let tooBusy = Reply(status: 503, sentence: "Too many payloads are being read; try again.")
  static let tooSlow = Reply(status: 408, sentence: "The payload did not come in time.")
}
