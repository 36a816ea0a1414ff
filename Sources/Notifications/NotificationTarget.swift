import GitStore
import Values

/// A receiver of notifications.
public struct NotificationTarget: Sendable, Hashable {
  /// The format of requests.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Slack's incoming webhooks, and chats that accept the same format.
    case slack
    /// kdops' own JSON, with a signature.
    case webhook
  }

  /// The address, or the file that contains it.
  public enum Address: Sendable, Hashable {
    case url(String)
    /// The file that contains it, read again for each request: an address of Slack is a secret.
    case file(String)
  }

  /// Names the target in logs and in the store.
  public var name: String
  public var kind: Kind
  public var address: Address
  /// The file with the secret that signs requests, read again for each request; nil to send them unsigned.
  public var secretFile: String?
  private var events: Set<NotificationEvent>
  /// Nil for all clusters.
  private var clusters: [PathGlob]?

  /// Whether a notification is sent to this target. The filter by cluster applies to objects in namespaces only.
  func receives(_ notification: StatusNotification) -> Bool {
    guard events.contains(notification.event) else { return false }
    guard let clusters, let object = notification.object, !object.namespace.isEmpty else { return true }
    return clusters.contains { $0.matches("\(object.namespace)/\(object.name)") }
  }
}

extension NotificationTarget {
  /// The largest number of targets.
  public static let limit = 16

  /// Why a target's settings cannot be used.
  public struct Problem: Error, Sendable, Hashable {
    /// The key within the target; nil for the target as a whole.
    public var key: String?
    /// Follows the name of the key: `must be …`.
    public var words: String

    init(key: String? = nil, words: String) { (self.key, self.words) = (key, words) }
  }

  private static let keys: Set<String> = ["name", "kind", "url", "urlFile", "secretFile", "on", "clusters"]

  /// Reads one element of the setting `notifications`.
  public init(settings: JSON) throws(Problem) {
    guard let members = settings.object else { throw Problem(words: "must be settings of a target") }
    // YAML 1.1 reads the key `on` without quotes as `true`.
    let events = settings["on"] ?? settings["true"]
    for key in members.keys where !Self.keys.contains(key) && key != "true" {
      throw Problem(
        key: key, words: "is not a setting; known here: \(Self.keys.sorted().joined(separator: ", "))")
    }
    guard let name = settings["name"]?.string, DNSName.isLabel(name, limit: 40) else {
      throw Problem(key: "name", words: "must be a name of lower-case letters, digits and `-`")
    }
    guard let kind = settings["kind"]?.string.flatMap(Kind.init) else {
      throw Problem(key: "kind", words: "must be one of slack, webhook")
    }
    self.name = name
    self.kind = kind
    address = try Self.address(settings, kind)
    secretFile = try Self.path(settings, "secretFile")
    if kind == .slack, secretFile != nil {
      throw Problem(key: "secretFile", words: "has no effect for kind slack; leave it out")
    }
    self.events = try Self.events(events)
    clusters = try Self.globs(settings["clusters"])
  }

  private static func address(_ settings: JSON, _ kind: Kind) throws(Problem) -> Address {
    var url: JSON?
    if let value = settings["url"], !value.isNull { url = value }
    if let file = try path(settings, "urlFile") {
      if url != .none { throw Problem(key: "url", words: "must be left out beside urlFile") }
      return .file(file)
    }
    guard let url else {
      throw Problem(words: "needs the address of the receiver: urlFile, or url for kind webhook")
    }
    guard kind == .webhook else {
      throw Problem(
        key: "url", words: "is a secret for kind slack; write it into a file, and name that: urlFile")
    }
    guard let text = url.string else { throw Problem(key: "url", words: "must be a text") }
    if let words = problem(url: text) { throw Problem(key: "url", words: words) }
    return .url(text)
  }

  /// Why an address cannot be used; nil if it can.
  static func problem(url: String) -> String? {
    switch SecureAddress.problem(url, allowsQuery: true) {
    case nil: nil
    case .invalid?: "must be an address of the form https://HOST/PATH"
    case .credentials?: "must not hold credentials; use urlFile"
    case .unencrypted?: "must begin with https; http is allowed to this machine only"
    }
  }

  private static func path(_ settings: JSON, _ key: String) throws(Problem) -> String? {
    guard let value = settings[key], !value.isNull else { return nil }
    guard let path = value.string, path.hasPrefix("/") else {
      throw Problem(key: key, words: "must be an absolute path")
    }
    return path
  }

  private static func events(_ setting: JSON?) throws(Problem) -> Set<NotificationEvent> {
    guard let setting, !setting.isNull else { return NotificationEvent.standard }
    guard let words = setting.array else { throw Problem(key: "on", words: "must be a list of events") }
    var events: Set<NotificationEvent> = []
    for word in words {
      guard let named = word.string.flatMap(NotificationEvent.named) else {
        throw Problem(
          key: "on", words: "must list some of \(NotificationEvent.words.joined(separator: ", "))")
      }
      events.formUnion(named)
    }
    return events
  }

  private static func globs(_ setting: JSON?) throws(Problem) -> [PathGlob]? {
    guard let setting, !setting.isNull else { return nil }
    guard let patterns = setting.array else {
      throw Problem(key: "clusters", words: "must be a list of patterns such as prod/*")
    }
    var globs: [PathGlob] = []
    for pattern in patterns {
      guard let text = pattern.string, let glob = try? PathGlob(text) else {
        throw Problem(key: "clusters", words: "must be a list of patterns such as prod/*")
      }
      globs.append(glob)
    }
    return globs
  }
}
