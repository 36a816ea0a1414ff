import ClusterAPI
import Synchronization
import Values

/// An API client with objects in memory: it checks versions and notifies watchers, and a test can insert an
/// action between a read and a write.
final class MemoryAPI: ClusterAPI {
  private struct Key: Hashable {
    var kind: String
    var name: ObjectName
  }

  private struct Watcher {
    var resource: Resource
    var namespace: String?
    var continuation: AsyncThrowingStream<WatchEvent, any Error>.Continuation
  }

  private struct State {
    var objects: [Key: Object] = [:]
    var version = 0
    var watchers: [Int: Watcher] = [:]
    var nextWatcher = 0
    var beforeWrite: (@Sendable (MemoryAPI) -> Void)?
    var failure: APIError?
    var requests: [String] = []
    var isHeld = false
    var held: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  init(_ objects: JSON...) {
    for object in objects { put(object) }
  }

  /// Every call so far, such as `get Secret`.
  var requests: [String] { state.withLock { $0.requests } }

  /// Sets the error of every call from now on; nil for normal answers.
  func fail(with error: APIError?) { state.withLock { $0.failure = error } }

  /// Blocks every list from now on, until `release`.
  func hold() { state.withLock { $0.isHeld = true } }

  func release() {
    let held = state.withLock { state in
      defer { state.held = [] }
      state.isHeld = false
      return state.held
    }
    for one in held { one.resume() }
  }

  /// Runs an action once, just before the next write.
  func beforeWrite(_ body: @escaping @Sendable (MemoryAPI) -> Void) {
    state.withLock { $0.beforeWrite = body }
  }

  func object(_ resource: Resource, _ namespace: String, _ name: String) -> Object? {
    let key = Key(kind: resource.kind, name: ObjectName(namespace: namespace, name: name))
    return state.withLock { $0.objects[key] }
  }

  /// Writes as another client.
  func put(_ json: JSON) { state.withLock { _ = Self.store(Object(json), in: &$0) } }

  /// Deletes as another client.
  func remove(_ resource: Resource, _ namespace: String, _ name: String) {
    let key = Key(kind: resource.kind, name: ObjectName(namespace: namespace, name: name))
    state.withLock { state in
      guard let old = state.objects.removeValue(forKey: key) else { return }
      state.version += 1
      Self.publish(.deleted(old), of: old, in: state)
    }
  }

  private static func store(_ object: Object, in state: inout State) -> Object {
    state.version += 1
    var object = object
    object.json["metadata"]?["resourceVersion"] = .string("\(state.version)")
    let isNew =
      state.objects.updateValue(object, forKey: Key(kind: object.kind, name: object.objectName)) == nil
    publish(isNew ? .added(object) : .modified(object), of: object, in: state)
    return object
  }

  private static func publish(_ event: WatchEvent, of object: Object, in state: State) {
    for watcher in state.watchers.values
    where watcher.resource.kind == object.kind
      && (watcher.namespace == nil || watcher.namespace == object.namespace)
    {
      watcher.continuation.yield(event)
    }
  }

  private func begin(_ verb: String, _ kind: String) throws(APIError) {
    let failure = state.withLock { state in
      state.requests.append("\(verb) \(kind)")
      return state.failure
    }
    if let failure { throw failure }
  }

  // MARK: ClusterAPI

  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try begin("get", resource.kind)
    guard let object = state.withLock({ $0.objects[Key(kind: resource.kind, name: name)] }) else {
      throw APIError(.notFound, "\(resource.kind) \(name) is not there")
    }
    return object
  }

  func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    try begin("list", resource.kind)
    await withCheckedContinuation { continuation in
      let isHeld = state.withLock { state in
        if state.isHeld { state.held.append(continuation) }
        return state.isHeld
      }
      if !isHeld { continuation.resume() }
    }
    return state.withLock { state in
      ObjectList(
        items: state.objects.values.filter {
          $0.kind == resource.kind && (namespace == nil || $0.namespace == namespace) && labels.matches($0)
        }, resourceVersion: "\(state.version)")
    }
  }

  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    let (stream, continuation) = AsyncThrowingStream<WatchEvent, any Error>.makeStream()
    let id = state.withLock { state in
      state.nextWatcher += 1
      // Changes between the list and now.
      for object in state.objects.values
      where object.kind == resource.kind && (namespace == nil || object.namespace == namespace)
        && (Int(object.resourceVersion) ?? 0) > (Int(resourceVersion) ?? 0)
      {
        continuation.yield(.modified(object))
      }
      state.watchers[state.nextWatcher] = Watcher(
        resource: resource, namespace: namespace, continuation: continuation)
      return state.nextWatcher
    }
    continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.watchers[id] = nil } }
    return stream
  }

  func create(_ object: Object) async throws(APIError) -> Object {
    try await write("create", object) { state throws(APIError) in
      guard state.objects[Key(kind: object.kind, name: object.objectName)] == nil else {
        throw APIError(.alreadyExists, "\(object.kind) \(object.objectName) is there already")
      }
    }
  }

  func update(_ object: Object) async throws(APIError) -> Object {
    try await write("update", object) { state throws(APIError) in
      guard let old = state.objects[Key(kind: object.kind, name: object.objectName)] else {
        throw APIError(.notFound, "\(object.kind) \(object.objectName) is not there")
      }
      guard object.resourceVersion.isEmpty || object.resourceVersion == old.resourceVersion else {
        throw APIError(.conflict, "\(object.kind) \(object.objectName) has changed")
      }
    }
  }

  private func write(
    _ verb: String, _ object: Object, _ check: (borrowing State) throws(APIError) -> Void
  ) async throws(APIError) -> Object {
    try begin(verb, object.kind)
    let first = state.withLock { state in
      let first = state.beforeWrite
      state.beforeWrite = nil
      return first
    }
    first?(self)
    let outcome: Result<Object, APIError> = state.withLock { state in
      do throws(APIError) {
        try check(state)
        return .success(Self.store(object, in: &state))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  func updateStatus(_ object: Object) async throws(APIError) -> Object { throw Self.unsupported }

  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    throw Self.unsupported
  }

  func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) { throw Self.unsupported }

  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    throw Self.unsupported
  }

  private static let unsupported = APIError(.unsupported, "admission does not use this")
}
