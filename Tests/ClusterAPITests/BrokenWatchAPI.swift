import ClusterAPI
import Values

/// An API client whose watches of one namespace break off.
struct BrokenWatchAPI: ClusterAPI {
  let api: any ClusterAPI
  let blind: String

  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    guard namespace == blind else {
      return api.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
    }
    return AsyncThrowingStream { $0.finish(throwing: APIError(.unavailable, "no answer")) }
  }

  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try await api.get(resource, name)
  }
  func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    try await api.list(resource, namespace: namespace, labels: labels)
  }
  func create(_ object: Object) async throws(APIError) -> Object { try await api.create(object) }
  func update(_ object: Object) async throws(APIError) -> Object { try await api.update(object) }
  func updateStatus(_ object: Object) async throws(APIError) -> Object { try await api.updateStatus(object) }
  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try await api.patch(resource, name, merge: merge)
  }
  func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    try await api.delete(resource, name, preconditions)
  }
  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try await api.exec(pod, request)
  }
}
