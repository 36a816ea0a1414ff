import Values

/// The fields of a payload that decide whether it leads to a fetch.
struct PushPayload: Sendable, Hashable {
  /// The full ref that was pushed; nil if the payload does not say so.
  var ref: String?
  /// The forge's name of the repository; nil if the payload does not say so.
  var repository: String?
  /// False for another event than a push of a branch.
  var isPush: Bool

  /// Reads a payload.
  ///
  /// - Parameter event: the value of the header that names the event; nil without the header.
  /// - Returns: nil if a push has a body that is not JSON.
  static func read(_ body: [UInt8], from sender: WebhookSender, event: String?) -> PushPayload? {
    let other = PushPayload(isPush: false)
    switch sender {
    case .github, .gitea:
      guard event == "push" else { return other }
    case .gitlab:
      guard event == "Push Hook" || event == "System Hook" else { return other }
    case .generic:
      if body.isEmpty { return PushPayload(isPush: true) }
    }
    guard let json = try? JSON.parse(body), json.object != nil else { return nil }
    switch sender {
    case .github, .gitea:
      return PushPayload(
        ref: json["ref"]?.string, repository: json["repository"]?["full_name"]?.string, isPush: true)
    case .gitlab:
      // A system hook reports many events under one name of the header.
      guard event == "Push Hook" || json["event_name"]?.string == "push" else { return other }
      return PushPayload(
        ref: json["ref"]?.string, repository: json["project"]?["path_with_namespace"]?.string, isPush: true)
    case .generic:
      return PushPayload(
        ref: json["ref"]?.string, repository: json["repository"]?.string, isPush: true)
    }
  }

  private init(ref: String? = nil, repository: String? = nil, isPush: Bool) {
    self.ref = ref
    self.repository = repository
    self.isPush = isPush
  }
}
