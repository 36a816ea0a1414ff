import ClusterAPI
import Values

/// An unsuccessful response, as the API server of Kubernetes describes it: a `Status`.
struct APIFailure: Error, Sendable, Hashable {
  var code: Int
  /// One of the reasons that clients decide by, such as `NotFound`.
  var reason: String
  var message: String
  var details: JSON = [:]
  var retryAfter: Duration?

  init(_ code: Int, _ reason: String, _ message: String, details: JSON = [:]) {
    self.code = code
    self.reason = reason
    self.message = message
    self.details = details
  }

  static func badRequest(_ message: String) -> APIFailure { APIFailure(400, "BadRequest", message) }

  static func notAllowed(_ method: String, _ what: String) -> APIFailure {
    APIFailure(405, "MethodNotAllowed", "\(what) cannot be changed by \(method) on the embedded cluster")
  }

  static func unsupportedMediaType(_ type: String, _ supported: [String]) -> APIFailure {
    APIFailure(
      415, "UnsupportedMediaType",
      "the body has the type \"\(type)\"; send one of \(supported.joined(separator: ", "))")
  }

  static let unknownPath = APIFailure(404, "NotFound", "the server could not find the requested resource")

  static let unauthorized = APIFailure(
    401, "Unauthorized", "Unauthorized: use the kubeconfig that kdops has written beside the cluster")

  /// An object that violates its schema, or a field that cannot change.
  static func invalid(_ kind: ServedKind, _ name: String, _ causes: [FieldCause]) -> APIFailure {
    let words = causes.map { "\($0.field): \($0.message)" }
    let list = words.count == 1 ? words[0] : "[\(words.joined(separator: ", "))]"
    return APIFailure(
      422, "Invalid", "\(kind.resource.kind).\(kind.resource.group) \"\(name)\" is invalid: \(list)",
      details: [
        "name": .string(name), "group": .string(kind.resource.group), "kind": .string(kind.resource.kind),
        "causes": .array(
          causes.map {
            [
              "reason": "FieldValueInvalid", "message": .string($0.message), "field": .string($0.field),
            ]
          }),
      ])
  }

  struct FieldCause: Sendable, Hashable {
    var field: String
    var message: String
  }

  /// The response for an error of the cluster.
  init(_ error: APIError, _ kind: ServedKind, _ name: String) {
    let object = "\(kind.qualifiedName) \"\(name)\""
    switch error.kind {
    case .notFound: self.init(404, "NotFound", "\(object) not found")
    case .alreadyExists: self.init(409, "AlreadyExists", "\(object) already exists")
    case .conflict:
      self.init(409, "Conflict", "Operation cannot be fulfilled on \(object): \(error.message)")
    case .gone: self.init(410, "Expired", error.message)
    case .invalid: self.init(422, "Invalid", error.message)
    case .unauthorized: self.init(401, "Unauthorized", error.message)
    case .forbidden: self.init(403, "Forbidden", error.message)
    case .throttled: self.init(429, "TooManyRequests", error.message)
    case .timeout: self.init(504, "Timeout", error.message)
    case .unavailable: self.init(503, "ServiceUnavailable", error.message)
    case .notRunning: self.init(400, "BadRequest", error.message)
    case .unsupported: self.init(405, "MethodNotAllowed", error.message)
    case .notStarted, .limitExceeded, .other: self.init(500, "InternalError", error.message)
    }
    retryAfter = error.retryAfter
    details = [
      "name": .string(name), "group": .string(kind.resource.group), "kind": .string(kind.resource.plural),
    ]
  }

  /// The `Status` object.
  var status: JSON {
    var status: JSON = [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
      "message": .string(message), "reason": .string(reason),
    ]
    var details = self.details
    if let retryAfter { details["retryAfterSeconds"] = JSON(Int(max(1, retryAfter.components.seconds))) }
    if details.object?.isEmpty == false { status["details"] = details }
    status["code"] = JSON(code)
    return status
  }
}
