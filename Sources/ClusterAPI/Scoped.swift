import Values

/// A `ClusterAPI` that is restricted to the given namespaces.
///
/// A request for all namespaces covers only these. A request for another namespace is refused without asking the
/// server. Callers therefore need not know that their account has limited permissions.
public struct Scoped: ClusterAPI {
  private let whole: any ClusterAPI
  /// The namespaces in which objects may be written.
  private let namespaces: [String]
  /// Additional namespaces that are read-only.
  private let readable: [String]

  /// Creates a restricted API.
  ///
  /// - Parameter readable: namespaces that may be read but not written.
  public init(_ whole: any ClusterAPI, namespaces: [String], readable: [String] = []) {
    self.whole = whole
    self.namespaces = namespaces
    self.readable = readable.filter { !namespaces.contains($0) }
  }

  public func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try check(resource, name.namespace, reading: true)
    return try await whole.get(resource, name)
  }

  /// Lists the namespaces one after another. The resource version is the oldest of theirs, so that a watch from there
  /// misses nothing and may repeat some changes. A namespace that is forbidden counts as empty, unless all of them
  /// are.
  public func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    if let namespace { try check(resource, namespace, reading: true) }
    guard resource.isNamespaced, namespace == nil else {
      return try await whole.list(resource, namespace: namespace, labels: labels)
    }
    var all = ObjectList(items: [], resourceVersion: "")
    var refusal: APIError?
    var answered = 0
    for namespace in seen(resource) {
      do throws(APIError) {
        let part = try await whole.list(resource, namespace: namespace, labels: labels)
        all.items += part.items
        all.resourceVersion = Self.older(all.resourceVersion, part.resourceVersion)
        answered += 1
      } catch {
        // One tenant's namespace may have been deleted together with its permissions. This must not affect the others.
        guard error.kind == .forbidden else { throw error }
        refusal = error
      }
    }
    if answered == 0, let refusal { throw refusal }
    return all
  }

  public func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    if let namespace {
      do throws(APIError) {
        try check(resource, namespace, reading: true)
      } catch {
        return AsyncThrowingStream { throw error }
      }
    }
    guard resource.isNamespaced, namespace == nil else {
      return whole.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
    }
    let namespaces = seen(resource)
    guard namespaces.count != 1 else {
      return whole.watch(resource, namespace: namespaces.first, labels: labels, after: resourceVersion)
    }
    return AsyncThrowingStream { continuation in
      let task = Task {
        do {
          try await withThrowingTaskGroup { group in
            for namespace in namespaces {
              group.addTask {
                let events = whole.watch(
                  resource, namespace: namespace, labels: labels, after: resourceVersion)
                do {
                  for try await event in events {
                    // The watches of other namespaces may not have reached this version.
                    if case .bookmark = event { continue }
                    continuation.yield(event)
                  }
                  return true
                } catch let error as APIError where error.kind == .forbidden {
                  return false
                }
              }
            }
            // When one watch ends, all of them end, except when it ends because it is forbidden.
            while let hasEnded = try await group.next(), !hasEnded {}
            group.cancelAll()
          }
          try Task.checkCancellation()
          // The other watches may be behind the version that was reported last, so no watch can continue from it.
          throw APIError(.gone, "\(resource.kind): a watch of several namespaces has ended")
        } catch is CancellationError {
          continuation.finish()
        } catch {
          let kind = (error as? APIError)?.kind
          continuation.finish(
            throwing: kind == .unsupported ? error : APIError(.gone, "\(resource.kind): \(error)"))
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  public func create(_ object: Object) async throws(APIError) -> Object {
    try check(object)
    return try await whole.create(object)
  }

  public func update(_ object: Object) async throws(APIError) -> Object {
    try check(object)
    return try await whole.update(object)
  }

  public func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try check(object)
    return try await whole.updateStatus(object)
  }

  public func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try check(resource, name.namespace)
    return try await whole.patch(resource, name, merge: merge)
  }

  public func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions)
    async throws(APIError)
  {
    try check(resource, name.namespace)
    try await whole.delete(resource, name, preconditions)
  }

  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try check(.pods, pod.namespace)
    return try await whole.exec(pod, request)
  }

  /// The namespaces in which objects of a kind can be read. In read-only namespaces these are only apps.
  private func seen(_ resource: Resource) -> [String] {
    resource == .apps ? namespaces + readable : namespaces
  }

  private func check(_ object: Object) throws(APIError) {
    guard !namespaces.contains(object.namespace) else { return }
    throw refusal(object.kind, object.namespace)
  }

  private func check(_ resource: Resource, _ namespace: String, reading: Bool = false) throws(APIError) {
    guard resource.isNamespaced, !namespaces.contains(namespace) else { return }
    if reading, seen(resource).contains(namespace) { return }
    throw refusal(resource.kind, namespace)
  }

  private func refusal(_ kind: String, _ namespace: String) -> APIError {
    APIError(
      .forbidden,
      "\(kind) in namespace \(namespace): not one of this daemon's (\(namespaces.joined(separator: ", "))); "
        + "an administrator can add it to tenancy.namespaces")
  }

  /// Resource versions are numbers on every supported server.
  private static func older(_ left: String, _ right: String) -> String {
    guard let one = Int(left), let other = Int(right) else { return left.isEmpty ? right : left }
    return one < other ? left : right
  }
}
