import ClusterAPI
import Values

/// A `ClusterAPI` for a leader that refuses writes and commands as soon as another daemon may lead.
///
/// So a leader that was suspended and resumes cannot write, even before it learns that it was replaced.
/// Requests that it sent before may still arrive; the versions in writes guard against that.
public struct Fenced: ClusterAPI {
  private let api: any ClusterAPI
  private let leader: Leader

  public init(_ api: any ClusterAPI, leader: Leader) {
    self.api = api
    self.leader = leader
  }

  public func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try await api.get(resource, name)
  }

  public func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    try await api.list(resource, namespace: namespace, labels: labels)
  }

  public func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    api.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
  }

  public func create(_ object: Object) async throws(APIError) -> Object {
    try pass(object.kind, object.objectName)
    return try await api.create(object)
  }

  public func update(_ object: Object) async throws(APIError) -> Object {
    try pass(object.kind, object.objectName)
    return try await api.update(object)
  }

  public func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try pass(object.kind, object.objectName)
    return try await api.updateStatus(object)
  }

  public func patch(
    _ resource: Resource, _ name: ObjectName, merge: JSON
  ) async throws(APIError) -> Object {
    try pass(resource.kind, name)
    return try await api.patch(resource, name, merge: merge)
  }

  public func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    try pass(resource.kind, name)
    try await api.delete(resource, name, preconditions)
  }

  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try pass("Pod", pod)
    return try await api.exec(pod, request)
  }

  private func pass(_ kind: String, _ name: ObjectName) throws(APIError) {
    guard leader.isProven else {
      throw APIError(
        .conflict,
        "\(kind) \(name): left alone, because another daemon leads by now or may; this one stands again")
    }
  }
}
