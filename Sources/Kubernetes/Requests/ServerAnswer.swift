import ClusterAPI
import NIOCore
import Values

/// An error response, converted to an `APIError`.
///
/// Kubernetes explains errors in a `Status` object. Its reason decides, because one status code has several
/// meanings; the code is used only if there is no reason (proxies send other bodies).
struct ServerAnswer: Sendable {
  let code: Int
  /// The `Status` object, if the body is one.
  let status: JSON?
  /// From the `Retry-After` header.
  let retryAfter: Duration?

  init(code: Int, body: ByteBuffer?, retryAfter: String?, wall: Double) {
    self.code = code
    let json = body.flatMap(JSON.init(wire:))
    status = json?["kind"]?.string == "Status" ? json : nil
    self.retryAfter =
      Self.wait(retryAfter, now: wall) ?? Self.seconds(status?["details"]?["retryAfterSeconds"])
  }

  /// Creates the response from an `ERROR` event of a watch.
  init(status: JSON) {
    code = status["code"]?.integer ?? 500
    self.status = status
    retryAfter = Self.seconds(status["details"]?["retryAfterSeconds"])
  }

  /// Parses seconds or a date (RFC 9110 §10.2.3); at most an hour.
  private static func wait(_ header: String?, now: Double) -> Duration? {
    guard let header else { return nil }
    let seconds = Double(header) ?? WallClock.seconds(httpDate: header).map { $0 - now }
    guard let seconds, seconds.isFinite else { return nil }
    return .seconds(min(3600, max(0, seconds)))
  }

  private static func seconds(_ json: JSON?) -> Duration? {
    json?.integer.flatMap { $0 > 0 ? .seconds(min(3600, $0)) : nil }
  }

  var reason: String { status?["reason"]?.string ?? "" }

  /// The server's message on one line.
  private var words: String {
    let text = status?["message"]?.string ?? ""
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.isEmpty ? "the answer is status \(code)" : String(line.prefix(2000))
  }

  /// Whether the same request may succeed if it is sent again soon.
  var isPassing: Bool {
    switch code {
    case 429, 502, 503, 504: true
    case 500: !isTooLarge && (reason == "ServerTimeout" || reason == "Timeout" || isStoreFailure)
    default: false
    }
  }

  /// Whether a proxy reports that the server is unavailable.
  var meansUnavailable: Bool { Self.meansUnavailable(code) }

  static func meansUnavailable(_ code: Int) -> Bool { [502, 503, 504].contains(code) }

  /// Whether the error comes from etcd, whose errors the server passes on only as text.
  private var isStoreFailure: Bool {
    ["etcdserver:", "leader changed", "request timed out", "context deadline exceeded", "rpc error"]
      .contains(where: words.contains)
  }

  private var kind: APIError.Kind {
    switch reason {
    case "NotFound": .notFound
    case "AlreadyExists": .alreadyExists
    case "Conflict": .conflict
    case "Gone", "Expired": .gone
    case "Invalid", "BadRequest", "RequestEntityTooLarge": .invalid
    case "Unauthorized": .unauthorized
    case "Forbidden": .forbidden
    case "TooManyRequests": .throttled
    case "Timeout", "ServerTimeout": .timeout
    case "ServiceUnavailable": .unavailable
    case "MethodNotAllowed": .unsupported
    default: kindOfCode
    }
  }

  private var isTooLarge: Bool {
    let message = status?["message"]?.string ?? ""
    return message.contains("request is too large") || message.contains("larger than max")
  }

  private var kindOfCode: APIError.Kind {
    switch code {
    case 404: .notFound
    case 409: .conflict
    case 410: .gone
    case 400, 413, 422: .invalid
    case 401: .unauthorized
    case 403: .forbidden
    case 429: .throttled
    case 405, 406, 415: .unsupported
    case 408, 504: .timeout
    // etcd's error for a too large object arrives as an internal server error.
    case 500... where isTooLarge: .invalid
    // An internal server error is not caused by the request, so it counts as transient.
    case 500...: .unavailable
    default: .other
    }
  }

  /// Whether no resource exists at the path: the server's mux sends no `Status` for it, or one that names no
  /// object.
  private func meansUnknownResource(_ request: APIRequest) -> Bool {
    guard code == 404, request.resource != nil else { return false }
    guard let status else { return true }
    let isNamed = status["details"]?["name"]?.string.map { !$0.isEmpty } ?? false
    return !isNamed && request.name == nil
  }

  /// - Parameter identity: the user name that the server uses, if it is known.
  func error(_ request: APIRequest, identity: String?) -> APIError {
    let subject = request.subject
    if meansUnknownResource(request) {
      return APIError(
        .unsupported,
        "\(subject): the server serves no such resource; `kdops install --export | kubectl apply -f -` adds kdops' own"
      )
    }
    let kind = kind
    return APIError(kind, message(kind, subject, request, identity), retryAfter: retryAfter)
  }

  private func message(
    _ kind: APIError.Kind, _ subject: String, _ request: APIRequest, _ identity: String?
  ) -> String {
    switch kind {
    case .notFound where request.name != nil: "\(subject) does not exist"
    case .alreadyExists: "\(subject) already exists"
    case .conflict: "\(subject) has changed since it was read: \(words)"
    case .gone: "\(subject): the version asked for is too old; list again"
    case .unauthorized:
      "\(subject): the server does not know \(identity ?? "us"); renew the credentials in the kubeconfig"
    case .forbidden: forbidden(request, identity)
    case .throttled: "\(subject): the server asks for fewer requests"
    case .invalid where code == 413: "\(subject): the object is too large for the server"
    default: "\(subject): \(words)"
    }
  }

  /// Names the missing permission; other refusals (admission, quotas) keep the server's message.
  private func forbidden(_ request: APIRequest, _ identity: String?) -> String {
    let subject = request.subject
    guard status == nil || words.contains(" cannot \(request.verb.rawValue) ") else {
      return "\(subject): \(words)"
    }
    let record = request.record(code: code)
    let resource = record.group.isEmpty ? record.resource : "\(record.resource).\(record.group)"
    let place =
      record.namespace.map { " in namespace \($0)" } ?? (request.resource == nil ? "" : " in all namespaces")
    return
      "\(subject): \(identity ?? "this account") lacks the permission to \(record.verb) \(resource)\(place); "
      + "`kdops install --export` prints the role that grants it"
  }
}

extension JSON {
  /// Parses a server's response; nil if it is not JSON.
  init?(wire buffer: ByteBuffer) {
    guard let json = try? buffer.withUnsafeReadableBytes({ try JSON.parse($0, depthLimit: Self.wireDepth) })
    else {
      return nil
    }
    self = json
  }

  /// Schemas of custom resources are deeply nested.
  static let wireDepth = 256
}
