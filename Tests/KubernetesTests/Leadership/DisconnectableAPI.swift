import ClusterAPI
import Values

@testable import Kubernetes

/// A client whose connection to the server can be cut: calls then get no answer, and are not forwarded.
struct DisconnectableAPI: ClusterAPI {
  let api: any ClusterAPI
  let isCut = Shared(false)

  private func pass() async throws(APIError) {
    guard isCut.value else { return }
    do { try await forever() } catch { throw APIError(.unavailable, "the way is cut") }
  }

  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try await pass()
    return try await api.get(resource, name)
  }
  func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    try await pass()
    return try await api.list(resource, namespace: namespace, labels: labels)
  }
  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    api.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
  }
  func create(_ object: Object) async throws(APIError) -> Object {
    try await pass()
    return try await api.create(object)
  }
  func update(_ object: Object) async throws(APIError) -> Object {
    try await pass()
    return try await api.update(object)
  }
  func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try await pass()
    return try await api.updateStatus(object)
  }
  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try await pass()
    return try await api.patch(resource, name, merge: merge)
  }
  func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    try await pass()
    try await api.delete(resource, name, preconditions)
  }
  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try await pass()
    return try await api.exec(pod, request)
  }
}
