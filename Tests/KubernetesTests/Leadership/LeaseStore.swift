import ClusterAPI
import Synchronization
import Values

@testable import Kubernetes

/// A client for leases only, which answers at once, with an error, or never.
final class LeaseStore: ClusterAPI {
  enum Mood: Sendable {
    case well
    case failing(APIError)
    /// Never answers; the call ends with its cancellation.
    case silent
  }

  private struct State {
    var server = LeaseServer()
    var mood = Mood.well
    var requests = 0
  }

  private let state = Mutex(State())

  var lease: Object? { state.withLock { $0.server.object } }
  var holder: String? { lease.flatMap { LeaseRecord($0).holder } }
  /// The number of calls that were started.
  var requests: Int { state.withLock { $0.requests } }
  func be(_ mood: Mood) { state.withLock { $0.mood = mood } }
  func hold(by holder: String) {
    state.withLock { $0.server.hold(by: holder, renewed: "\($0.requests)") }
  }

  /// Sets annotations on the lease as another client; a missing lease is created without a holder.
  func note(_ annotations: [String: String]) {
    state.withLock { state in
      var object =
        state.server.object ?? LeaseRecord(holder: nil, seconds: 1).object(LeaseServer.name, over: nil)
      object.json["metadata"]?["annotations"] = JSON(annotations)
      _ = state.server.put(object)
    }
  }

  /// Leaves the lease as a holder does that has released it.
  func free() {
    state.withLock { state in
      _ = state.server.put(
        LeaseRecord(holder: nil, seconds: 1).object(LeaseServer.name, over: state.server.object))
    }
  }

  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    try await begin()
    guard let lease else { throw APIError(.notFound, "Lease \(name) is not there") }
    return lease
  }

  func create(_ object: Object) async throws(APIError) -> Object { try await write(object) }
  func update(_ object: Object) async throws(APIError) -> Object { try await write(object) }

  private func write(_ object: Object) async throws(APIError) -> Object {
    try await begin()
    let outcome: Result<Object, APIError> = state.withLock { state in
      guard object.resourceVersion == state.server.object?.resourceVersion ?? "" else {
        return .failure(APIError(.conflict, "someone was faster"))
      }
      return .success(state.server.put(object))
    }
    return try outcome.get()
  }

  private func begin() async throws(APIError) {
    let mood = state.withLock { state in
      state.requests += 1
      return state.mood
    }
    switch mood {
    case .well: return
    case .failing(let error): throw error
    case .silent:
      let (never, end) = AsyncStream<Never>.makeStream()
      for await _ in never {}
      end.finish()
      throw APIError(.unavailable, "the caller no longer waits")
    }
  }

  private var other: APIError { APIError(.unsupported, "leases only") }
  func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList { throw other }
  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> { AsyncThrowingStream { $0.finish(throwing: self.other) } }
  func updateStatus(_ object: Object) async throws(APIError) -> Object { throw other }
  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    throw other
  }
  func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) { throw other }
  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult { throw other }
}
