import ClusterAPI
import Values

/// A port that forwards every call to another one. Tests override single calls.
open class ForwardingAPI: ClusterAPI, @unchecked Sendable {
  // Set once, before the port is shared.
  public private(set) var api: any ClusterAPI = DisconnectedAPI()

  /// Creates a port whose target is set by `placed(before:)`.
  public init() {}

  public init(_ api: any ClusterAPI) { self.api = api }

  /// Sets the port to which calls are forwarded.
  public func placed(before api: any ClusterAPI) -> any ClusterAPI {
    self.api = api
    return self
  }

  open func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try await api.get(resource, name)
  }

  open func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    try await api.list(resource, namespace: namespace, labels: labels)
  }

  open func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    api.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
  }

  open func create(_ object: Object) async throws(APIError) -> Object { try await api.create(object) }
  open func update(_ object: Object) async throws(APIError) -> Object { try await api.update(object) }
  open func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try await api.updateStatus(object)
  }

  open func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try await api.patch(resource, name, merge: merge)
  }

  open func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions)
    async throws(APIError)
  {
    try await api.delete(resource, name, preconditions)
  }

  open func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try await api.exec(pod, request)
  }
}

/// A cluster in which every call fails as unavailable.
private struct DisconnectedAPI: ClusterAPI {
  private var absent: APIError { APIError(.unavailable, "nothing is there yet") }
  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object { throw absent }
  func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  { throw absent }
  func watch(_ resource: Resource, namespace: String?, labels: LabelSelector, after: String)
    -> AsyncThrowingStream<WatchEvent, any Error>
  { AsyncThrowingStream { $0.finish(throwing: absent) } }
  func create(_ object: Object) async throws(APIError) -> Object { throw absent }
  func update(_ object: Object) async throws(APIError) -> Object { throw absent }
  func updateStatus(_ object: Object) async throws(APIError) -> Object { throw absent }
  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    throw absent
  }
  func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions) async throws(APIError)
  { throw absent }
  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult { throw absent }
}
