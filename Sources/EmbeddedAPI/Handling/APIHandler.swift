import ClusterAPI
import KubeDirector
import Values

/// Answers requests with the objects of a cluster; independent of connections.
struct APIHandler: Sendable {
  let api: any ClusterAPI
  let gate: WriteGate
  /// Marks an app or a cluster as applied by kdops; nil if only git may do so.
  let mark: (@Sendable (JSON) -> JSON)?
  let logs: ScriptLogs
  /// The version of kdops.
  let build: String
  /// In whole seconds since 1970.
  let now: @Sendable () -> Int

  func reply(to request: APIRequest) async -> Reply {
    do throws(APIFailure) {
      return try await answer(request)
    } catch {
      return .failure(error)
    }
  }

  private func answer(_ request: APIRequest) async throws(APIFailure) -> Reply {
    guard let route = Route(request.path) else { throw .unknownPath }
    switch route {
    case .collection(let kind, let namespace): return try await collection(kind, namespace, request)
    case .object(let kind, let name, let subresource):
      return try await object(kind, name, subresource, request)
    default:
      guard request.method == "GET" || request.method == "HEAD" else {
        throw .notAllowed(request.method, "/\(request.path.joined(separator: "/"))")
      }
      return try document(route, request)
    }
  }

  /// The documents about the server itself.
  private func document(_ route: Route, _ request: APIRequest) throws(APIFailure) -> Reply {
    switch route {
    case .health: return .bytes(Array("ok".utf8), type: "text/plain; charset=utf-8")
    case .version: return .json(Discovery.version(build))
    case .coreVersions: return discovery(request, isCore: true) ?? .json(Discovery.coreVersions)
    case .groups: return discovery(request, isCore: false) ?? .json(Discovery.groups)
    case .group(let name):
      guard let group = Discovery.group(name) else { throw .unknownPath }
      return .json(group)
    case .resources(let groupVersion): return .json(Discovery.resources(groupVersion))
    case .openAPIv2: return .bytes(OpenAPI.version2, type: OpenAPI.version2Type)
    case .openAPIv3Index: return .json(OpenAPI.index)
    case .openAPIv3(let groupVersion): return .json(OpenAPI.document(groupVersion))
    case .collection, .object: throw .unknownPath
    }
  }

  private func discovery(_ request: APIRequest, isCore: Bool) -> Reply? {
    AggregatedDiscovery.version(accept: request.headers["accept"]).map { version in
      .json(AggregatedDiscovery.document(version, isCore: isCore), type: version.contentType)
    }
  }

  private func collection(
    _ kind: ServedKind, _ namespace: String?, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    switch request.method {
    case "GET" where request.isSet("watch") && !kind.isReadOnly:
      return try watch(kind, namespace, request)
    case "GET", "HEAD": return try await list(kind, namespace, request)
    case "POST" where !kind.isReadOnly: return try await create(kind, namespace, request)
    default: throw .notAllowed(request.method, kind.qualifiedName)
    }
  }

  private func object(
    _ kind: ServedKind, _ name: ObjectName, _ subresource: ServedKind.Subresource?, _ request: APIRequest
  ) async throws(APIFailure) -> Reply {
    switch (request.method, subresource) {
    case ("GET", .log): return try await log(of: name, request)
    // An exec request that opens no WebSocket.
    case (_, .exec): throw ExecCall.refusal(request)
    case ("GET", nil), ("HEAD", nil), ("GET", .status): return try await get(kind, name, request)
    case _ where kind.isReadOnly: throw .notAllowed(request.method, kind.qualifiedName)
    case ("PUT", nil), ("PUT", .status):
      return try await update(kind, name, isStatus: subresource == .status, request)
    case ("PATCH", nil), ("PATCH", .status):
      return try await patch(kind, name, isStatus: subresource == .status, request)
    case ("DELETE", nil): return try await delete(kind, name, request)
    default: throw .notAllowed(request.method, kind.qualifiedName)
    }
  }
}
