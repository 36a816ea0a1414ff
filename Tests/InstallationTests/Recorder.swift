import ClusterAPI
import Installation
import Synchronization
import Values

/// One API call in RBAC terms.
struct Use: Hashable, Comparable, CustomStringConvertible {
  var verb: Permission.Verb
  var resource: Resource
  var subresource: String?

  init(_ verb: Permission.Verb, _ resource: Resource, _ subresource: String? = nil) {
    self.verb = verb
    self.resource = resource
    self.subresource = subresource
  }

  var description: String { "\(verb) \(resource.plural)\(subresource.map { "/\($0)" } ?? "")" }

  static func < (left: Use, right: Use) -> Bool { left.description < right.description }
}

extension Permission {
  var uses: [Use] { verbs.map { Use($0, resource, subresource) } }
}

/// An API client that records the calls. Commands in pods succeed without being run.
final class Recorder: ClusterAPI {
  private let whole: any ClusterAPI
  private let noted = Mutex<Set<Use>>([])

  init(_ whole: any ClusterAPI) { self.whole = whole }

  var uses: Set<Use> { noted.withLock { $0 } }

  private func note(_ verb: Permission.Verb, _ resource: Resource, _ subresource: String? = nil) {
    noted.withLock { _ = $0.insert(Use(verb, resource, subresource)) }
  }

  private func note(_ verb: Permission.Verb, _ object: Object, _ subresource: String? = nil) {
    for resource in Resource.all where resource.kind == object.kind { note(verb, resource, subresource) }
  }

  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    note(.get, resource)
    return try await whole.get(resource, name)
  }

  func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    note(.list, resource)
    return try await whole.list(resource, namespace: namespace, labels: labels)
  }

  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    note(.watch, resource)
    return whole.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
  }

  func create(_ object: Object) async throws(APIError) -> Object {
    note(.create, object)
    return try await whole.create(object)
  }

  func update(_ object: Object) async throws(APIError) -> Object {
    note(.update, object)
    return try await whole.update(object)
  }

  func updateStatus(_ object: Object) async throws(APIError) -> Object {
    note(.update, object, "status")
    return try await whole.updateStatus(object)
  }

  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    note(.patch, resource)
    return try await whole.patch(resource, name, merge: merge)
  }

  func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions) async throws(APIError)
  {
    note(.delete, resource)
    try await whole.delete(resource, name, preconditions)
  }

  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    note(.get, .pods, "exec")
    return ExecResult(exitCode: 0)
  }
}
