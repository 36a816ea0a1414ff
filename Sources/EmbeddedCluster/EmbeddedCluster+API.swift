import ClusterAPI
import KubeDirector
import Values

extension EmbeddedCluster: ClusterAPI {
  public func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try commitForReading()
    return try store.existing(resource.kind, name).object
  }

  public func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    try commitForReading()
    return ObjectList(
      items: store.list(resource.kind, namespace: namespace, labels: labels),
      resourceVersion: String(store.version))
  }

  public nonisolated func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    events.watch(kind: resource.kind, namespace: namespace, labels: labels, after: resourceVersion)
  }

  public func create(_ object: Object) async throws(APIError) -> Object {
    try checkWritable()
    let created = try store.create(object)
    try await commit()
    return created
  }

  public func update(_ object: Object) async throws(APIError) -> Object {
    try checkWritable()
    let updated = try store.update(object)
    try await commit()
    return updated
  }

  public func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try checkWritable()
    let updated = try store.updateStatus(object)
    try await commit()
    return updated
  }

  public func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try checkWritable()
    let patched = try store.patch(resource.kind, name, merge: merge)
    try await commit()
    return patched
  }

  public func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    try checkWritable()
    try store.delete(resource.kind, name, preconditions)
    try await commit()
  }
}
