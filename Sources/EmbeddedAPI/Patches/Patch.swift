import ClusterAPI
import KubeDirector
import Values

/// The body of a `PATCH` request, in one of the four forms.
struct Patch: Sendable {
  private enum Form: Sendable {
    case json(JSONPatch)
    case merge(JSON)
    case strategic(JSON)
    case apply(ServerSideApply, JSON)
  }

  private let form: Form

  /// Whether the object is created if it does not exist.
  var createsObject: Bool { if case .apply = form { true } else { false } }

  /// Whether the patch may be applied to a newer version of the object.
  var isRepeatable: Bool {
    switch form {
    case .json: true
    case .merge(let patch), .strategic(let patch), .apply(_, let patch):
      patch["metadata"]?["resourceVersion"]?.string == nil
    }
  }

  /// - Parameter now: in seconds since 1970.
  init(_ request: APIRequest, _ kind: ServedKind, now: Int) throws(APIFailure) {
    let body = try APIHandler.json(request.body)
    switch request.contentType {
    case "application/json-patch+json": form = .json(try JSONPatch(body))
    case "application/merge-patch+json": form = .merge(try Self.object(body))
    case "application/strategic-merge-patch+json" where kind.isBuiltIn:
      form = .strategic(try Self.object(body))
    case "application/apply-patch+yaml":
      guard let manager = request.parameter("fieldManager"), !manager.isEmpty,
        manager.utf8.count <= ServerSideApply.managerLimit
      else {
        throw .badRequest(
          "fieldManager is required for an apply patch, with at most \(ServerSideApply.managerLimit) bytes")
      }
      let apply = ServerSideApply(
        manager: manager, isForced: request.isSet("force"), time: Timestamp.text(now))
      form = .apply(apply, try Self.object(body))
    default:
      throw .unsupportedMediaType(
        request.contentType,
        ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]
          + (kind.isBuiltIn ? ["application/strategic-merge-patch+json"] : []))
    }
  }

  /// - Parameter live: nil if the object does not exist.
  func applied(to live: JSON?) throws(APIFailure) -> JSON {
    switch form {
    case .json(let patch): return try patch.applied(to: live ?? [:])
    case .merge(let patch): return (live ?? [:]).merging(patch: patch)
    case .strategic(let patch): return StrategicMerge.merge(live ?? [:], with: patch)
    case .apply(let apply, let configuration): return try apply.applied(configuration, to: live)
    }
  }

  private static func object(_ body: JSON) throws(APIFailure) -> JSON {
    guard body.object != nil else { throw .badRequest("the patch is no object") }
    return body
  }
}
