import ClusterAPI
import KubeDirector
import Manifests
import Values

// Requests that change objects.
extension APIHandler {
  func create(
    _ kind: ServedKind, _ namespace: String?, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    guard let namespace else {
      throw .badRequest("\(kind.qualifiedName) are created in a namespace: set one with --namespace")
    }
    guard !isHidden(kind, namespace) else {
      throw APIFailure(403, "Forbidden", "Secrets in namespace \(namespace) belong to kdops")
    }
    var object = try body(of: request, kind, namespace: namespace)
    if object.name.isEmpty, let prefix = object.json["metadata"]?["generateName"]?.string {
      object.json["metadata"]?["name"] = .string(prefix + Self.randomSuffix())
    }
    return try await create(object, kind, request)
  }

  private func create(
    _ object: Object, _ kind: ServedKind, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    let warnings = try await gate.review(
      .create, kind, object.objectName, object: object.json, old: nil, isDryRun: request.isDryRun)
    let marked = Object(marked(object.json, kind))
    let created: Object
    do throws(APIError) {
      if request.isDryRun {
        created = try await absent(marked, kind)
      } else {
        created = try await api.create(marked)
      }
    } catch {
      throw APIFailure(error, kind, object.name)
    }
    return .json(writer(kind, request).single(created), code: 201, warnings: warnings)
  }

  /// The object, if none of its name exists.
  private func absent(_ object: Object, _ kind: ServedKind) async throws(APIError) -> Object {
    do throws(APIError) {
      _ = try await api.get(kind.resource, object.objectName)
    } catch {
      guard error.kind == .notFound else { throw error }
      return object
    }
    throw APIError(.alreadyExists, "\(object.objectName) exists already")
  }

  func update(
    _ kind: ServedKind, _ name: ObjectName, isStatus: Bool, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    let given = try body(of: request, kind, namespace: name.namespace)
    guard given.name == name.name else {
      throw .badRequest(
        "the name of the object (\(given.name)) does not match the name on the URL (\(name.name))")
    }
    let live = try await live(kind, name)
    return try await write(given, over: live, kind, isStatus: isStatus, request)
  }

  /// The times that a patch is applied again after another client has changed the object.
  private static let patchLimit = 5

  func patch(
    _ kind: ServedKind, _ name: ObjectName, isStatus: Bool, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    let patch = try Patch(request, kind, now: now())
    for _ in 1..<Self.patchLimit {
      do throws(APIFailure) {
        return try await apply(patch, kind, name, isStatus: isStatus, request)
      } catch {
        // Only a patch that names no version can be applied to the newer one.
        guard error.code == 409, error.reason == "Conflict", patch.isRepeatable,
          error.details["causes"] == nil
        else { throw error }
      }
    }
    return try await apply(patch, kind, name, isStatus: isStatus, request)
  }

  private func apply(
    _ patch: Patch, _ kind: ServedKind, _ name: ObjectName, isStatus: Bool, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    let found: Object?
    do throws(APIFailure) {
      found = try await live(kind, name)
    } catch {
      guard error.code == 404, patch.createsObject, !isStatus else { throw error }
      found = nil
    }
    var patched = try patch.applied(to: found?.json)
    guard let live = found else {
      guard !isHidden(kind, name.namespace) else {
        throw APIFailure(403, "Forbidden", "Secrets in namespace \(name.namespace) belong to kdops")
      }
      patched["metadata"]?["namespace"] = .string(name.namespace)
      return try await create(try checked(Object(patched), kind, name), kind, request)
    }
    // A patch without a version applies to the one that it was computed from.
    if patched["metadata"]?["resourceVersion"]?.string == nil {
      patched["metadata"]?["resourceVersion"] = .string(live.resourceVersion)
    }
    let object = try checked(Object(patched), kind, name)
    return try await write(object, over: live, kind, isStatus: isStatus, request)
  }

  private func checked(
    _ object: Object, _ kind: ServedKind, _ name: ObjectName
  ) throws(APIFailure) -> Object {
    guard object.kind == kind.resource.kind, object.apiVersion == kind.resource.apiVersion,
      object.objectName == name
    else { throw .badRequest("a patch cannot change apiVersion, kind, name or namespace of \(name)") }
    return object
  }

  private func write(
    _ object: Object, over live: Object, _ kind: ServedKind, isStatus: Bool, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    let version = object.resourceVersion
    guard version.isEmpty || version == live.resourceVersion else {
      throw APIFailure(
        APIError(
          .conflict,
          "the object has been modified; please apply your changes to the latest version and try again"),
        kind, live.name)
    }
    var warnings: [String] = []
    var wanted = object
    // The judged version is the one that is replaced.
    wanted.json["metadata"]?["resourceVersion"] = .string(live.resourceVersion)
    if !isStatus {
      // The part that only the server sets stays as it is, for the rules too.
      wanted.json["metadata"]?["uid"] = live.json["metadata"]?["uid"]
      wanted.json["metadata"]?["deletionTimestamp"] = live.json["metadata"]?["deletionTimestamp"]
      wanted.json["status"] = live.json["status"]
      if wanted == live { return .json(writer(kind, request).single(live)) }
      warnings = try await gate.review(
        .update, kind, live.objectName, object: wanted.json, old: live.json, isDryRun: request.isDryRun)
      wanted.json = marked(wanted.json, kind)
    }
    let written: Object
    do throws(APIError) {
      if request.isDryRun {
        written = wanted
      } else if isStatus {
        written = try await api.updateStatus(wanted)
      } else {
        written = try await api.update(wanted)
      }
    } catch {
      throw APIFailure(error, kind, live.name)
    }
    return .json(writer(kind, request).single(written), warnings: warnings)
  }

  func delete(_ kind: ServedKind, _ name: ObjectName, _ request: APIRequest) async throws(APIFailure) -> Reply
  {
    let live = try await live(kind, name)
    let options = try deleteOptions(request)
    let isDryRun = request.isDryRun || options["dryRun"]?.array?.isEmpty == false
    let warnings = try await gate.review(
      .delete, kind, name, object: nil, old: live.json, isDryRun: isDryRun)
    let wanted = options["preconditions"]
    let preconditions = Preconditions(
      uid: wanted?["uid"]?.string ?? live.uid, resourceVersion: wanted?["resourceVersion"]?.string,
      gracePeriod: options["gracePeriodSeconds"]?.count()
        ?? request.parameter("gracePeriodSeconds").flatMap { Int($0) })
    do throws(APIError) {
      if !isDryRun { try await api.delete(kind.resource, name, preconditions) }
    } catch {
      throw APIFailure(error, kind, name.name)
    }
    let status: JSON = [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success",
      "details": [
        "name": .string(name.name), "group": .string(kind.resource.group),
        "kind": .string(kind.resource.plural), "uid": .string(live.uid),
      ],
    ]
    return .json(status, warnings: warnings)
  }

  private func deleteOptions(_ request: APIRequest) throws(APIFailure) -> JSON {
    guard !request.body.isEmpty else { return [:] }
    return try Self.json(request.body)
  }

  // MARK: Bodies

  /// The object of a request, with the namespace of its path.
  private func body(
    of request: APIRequest, _ kind: ServedKind, namespace: String
  ) throws(APIFailure) -> Object {
    guard ["application/json", "application/yaml"].contains(request.contentType) else {
      throw .unsupportedMediaType(request.contentType, ["application/json"])
    }
    let json = try Self.json(request.body)
    var object = Object(json)
    guard object.kind == kind.resource.kind, object.apiVersion == kind.resource.apiVersion else {
      throw .badRequest(
        "the body is a \(object.kind) of \"\(object.apiVersion)\", and the URL is of \(kind.qualifiedName)")
    }
    guard json["metadata"]?.object != nil else { throw .badRequest("the object has no metadata") }
    guard object.namespace.isEmpty || object.namespace == namespace else {
      throw .badRequest(
        "the namespace of the provided object does not match the namespace sent on the request")
    }
    object.json["metadata"]?["namespace"] = .string(namespace)
    return object
  }

  /// Parses JSON, or YAML.
  static func json(_ body: [UInt8]) throws(APIFailure) -> JSON {
    if let json = try? JSON.parse(body, nodeLimit: nodeLimit) { return json }
    guard let json = SettingsFile(path: "", bytes: body).json else {
      throw .badRequest("the body is neither JSON nor YAML")
    }
    return json
  }

  /// More values than an object of the largest size has; each takes up to a hundred times its bytes.
  private static let nodeLimit = 200_000

  private func marked(_ object: JSON, _ kind: ServedKind) -> JSON {
    guard kind.resource.group == Wire.group, let mark else { return object }
    return mark(object)
  }

  private static func randomSuffix() -> String {
    String((0..<5).map { _ in "bcdfghjklmnpqrstvwxz2456789".randomElement() ?? "x" })
  }
}
