import ClusterAPI
import Values

extension KubernetesClient {
  /// The number of objects in a page of a list.
  static let pageSize = 500

  public func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    let request = try APIRequest(
      .get, try await resources.served(resource), namespace: name.namespace, name: name.name)
    return Object(try await sender.json(request), as: resource)
  }

  public func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    let served = try await resources.served(resource)
    var starts = 0
    while true {
      starts += 1
      do {
        // If a server expires a list faster than its pages can be read, the whole list is requested at once.
        return try await pages(resource, served, namespace, labels, size: starts < 4 ? Self.pageSize : nil)
      } catch {
        guard error.kind == .gone, starts < 4 else { throw error }
      }
    }
  }

  private func pages(
    _ resource: Resource, _ served: Resource, _ namespace: String?, _ labels: LabelSelector, size: Int?
  ) async throws(APIError) -> ObjectList {
    var list = ObjectList(items: [], resourceVersion: "")
    var next = ""
    repeat {
      var request = try APIRequest(.list, served, namespace: namespace)
      if let size { request.add(query: [("limit", String(size))]) }
      if let labels = labels.query { request.add(query: [("labelSelector", labels)]) }
      if !next.isEmpty { request.add(query: [("continue", next)]) }
      let page = try await sender.json(request)
      list.items += (page["items"]?.array ?? []).map { Object($0, as: resource) }
      // All pages show the state at the time of the first.
      list.resourceVersion = page["metadata"]?["resourceVersion"]?.string ?? list.resourceVersion
      next = page["metadata"]?["continue"]?.string ?? ""
    } while !next.isEmpty
    return list
  }

  public func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    let session = WatchSession(
      .init(resource: resource, namespace: namespace, labels: labels), after: resourceVersion, sender: sender,
      resources: resources)
    return AsyncThrowingStream { try await session.next() }
  }
}
