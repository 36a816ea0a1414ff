import ClusterAPI
import Synchronization
import Values

/// A port through which a daemon writes until it dies: the last write is done, and the daemon never hears of it, nor
/// of anything else.
final class Mortal: ClusterAPI {
  private let api: any ClusterAPI
  /// The number of the write after which it dies; nil for never.
  private let last: Int?
  private let state = Mutex(State())
  private let death = AsyncStream<Void>.makeStream()

  private struct State {
    var isCounting = false
    var writes: [String] = []
    var isDead = false
  }

  init(_ api: any ClusterAPI, dieAfter last: Int?) { (self.api, self.last) = (api, last) }

  /// From now on writes count.
  func count() { state.withLock { $0.isCounting = true } }

  /// What was written, in words.
  var writes: [String] { state.withLock { $0.writes } }
  var isAlive: Bool { state.withLock { !$0.isDead } }

  /// Returns when it has died, or when the task is cancelled.
  func died() async { for await _ in death.stream { return } }

  // MARK: Reading

  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try await live()
    return try await api.get(resource, name)
  }

  func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    try await live()
    return try await api.list(resource, namespace: namespace, labels: labels)
  }

  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    api.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
  }

  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try await live()
    let result = try await api.exec(pod, request)
    try await live()
    return result
  }

  // MARK: Writing

  func create(_ object: Object) async throws(APIError) -> Object {
    try await write("create \(object.kind) \(object.name)", isEvent: object.kind == "Event") {
      () throws(APIError) in try await api.create(object)
    }
  }

  func update(_ object: Object) async throws(APIError) -> Object {
    try await write("update \(object.kind) \(object.name)") { () throws(APIError) in
      try await api.update(object)
    }
  }

  func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try await write("update status of \(object.name)") { () throws(APIError) in
      try await api.updateStatus(object)
    }
  }

  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    try await write("patch \(resource.kind) \(name.name)", isEvent: resource == .events) {
      () throws(APIError) in try await api.patch(resource, name, merge: merge)
    }
  }

  func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    try await write("delete \(resource.kind) \(name.name)") { () throws(APIError) in
      try await api.delete(resource, name, preconditions)
    }
  }

  /// - Parameter isEvent: true for what is written for people only.
  private func write<Value: Sendable>(
    _ words: String, isEvent: Bool = false, _ body: () async throws(APIError) -> Value
  ) async throws(APIError) -> Value {
    try await live()
    let value = try await body()
    let dies = state.withLock { state in
      guard state.isCounting, !isEvent else { return false }
      state.writes.append(words)
      return state.writes.count == last
    }
    if dies {
      state.withLock { $0.isDead = true }
      death.continuation.finish()
    }
    try await live()
    return value
  }

  /// The dead get no answer.
  private func live() async throws(APIError) {
    guard !isAlive else { return }
    for await _ in AsyncStream<Void>.makeStream().stream {}
    throw APIError(.unavailable, "the daemon is no more")
  }
}
