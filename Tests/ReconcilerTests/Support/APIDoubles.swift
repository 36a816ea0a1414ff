import ClusterAPI
import KubeDirector
import Synchronization
import TestSupport
import Values

/// A cluster whose watches deliver no events while it is silent.
final class SilentWatchAPI: ForwardingAPI, @unchecked Sendable {
  private let silence = Mutex(false)
  var isSilent: Bool {
    get { silence.withLock { $0 } }
    set { silence.withLock { $0 = newValue } }
  }

  override func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    let events = super.watch(resource, namespace: namespace, labels: labels, after: resourceVersion)
    return AsyncThrowingStream { continuation in
      let task = Task {
        do {
          for try await event in events where !self.isSilent { continuation.yield(event) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }
}

/// A server with a webhook that overwrites every label `team`. It counts the writes.
final class MutatingWebhookAPI: ForwardingAPI, @unchecked Sendable {
  private let count = Mutex(0)
  private let isInactive: Bool
  var writes: Int { count.withLock { $0 } }

  init(isInactive: Bool = false) {
    self.isInactive = isInactive
    super.init()
  }

  override func create(_ object: Object) async throws(APIError) -> Object {
    try await super.create(changed(object))
  }

  override func update(_ object: Object) async throws(APIError) -> Object {
    try await super.update(changed(object))
  }

  private func changed(_ object: Object) -> Object {
    count.withLock { $0 += 1 }
    guard !isInactive, object.label("team") != nil else { return object }
    var object = object
    object.json["metadata"]?["labels"]?["team"] = "webhook's"
    return object
  }
}

/// A server whose webhook, while it is strict, refuses a change that results in the label `team: a`.
final class RefusingAPI: ForwardingAPI, @unchecked Sendable {
  private let kind = Mutex<APIError.Kind?>(nil)

  /// The error with which it refuses; nil if it does not.
  func refuse(_ kind: APIError.Kind?) { self.kind.withLock { $0 = kind } }

  override func update(_ object: Object) async throws(APIError) -> Object {
    if object.label("team") == "a", let kind = kind.withLock({ $0 }) {
      throw APIError(kind, "\(object.reference): team a may change nothing")
    }
    return try await super.update(object)
  }
}

/// A server that creates no apps while it refuses.
final class AppRefusingAPI: ForwardingAPI, @unchecked Sendable {
  private let kind = Mutex<APIError.Kind?>(nil)

  /// The error of each creation of an app; nil if apps are created.
  func refuse(_ kind: APIError.Kind?) { self.kind.withLock { $0 = kind } }

  override func create(_ object: Object) async throws(APIError) -> Object {
    if object.kind == Wire.appKind, let kind = kind.withLock({ $0 }) {
      throw APIError(kind, "apps cannot be created now")
    }
    return try await super.create(object)
  }
}

/// A server that loses a number of responses to writes of clusters.
final class LostResponseAPI: ForwardingAPI, @unchecked Sendable {
  /// Whether it executes the requests whose responses are lost.
  private let performs: Bool
  private let left = Mutex(0)
  private let meanwhile = Mutex<(@Sendable () async -> Void)?>(nil)

  init(performs: Bool) {
    self.performs = performs
    super.init()
  }

  /// The number of responses that are lost from now on.
  func loseResponses(for answers: Int = 1) { left.withLock { $0 = answers } }

  /// Runs an action at the next write of an app, before the response.
  func whenAppComes(_ work: @escaping @Sendable () async -> Void) { meanwhile.withLock { $0 = work } }

  override func create(_ object: Object) async throws(APIError) -> Object {
    try await answer(object.kind) { () async throws(APIError) in try await super.create(object) }
  }

  override func update(_ object: Object) async throws(APIError) -> Object {
    try await answer(object.kind) { () async throws(APIError) in try await super.update(object) }
  }

  override func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions)
    async throws(APIError)
  {
    try await answer(resource.kind) { () async throws(APIError) in
      try await super.delete(resource, name, preconditions)
    }
  }

  private func answer<Answer: Sendable>(
    _ kind: String, _ work: () async throws(APIError) -> Answer
  ) async throws(APIError) -> Answer {
    if kind == Wire.appKind {
      let due = meanwhile.withLock { due in
        defer { due = nil }
        return due
      }
      await due?()
      return try await work()
    }
    let isLost = left.withLock { left in
      defer { left = max(0, left - 1) }
      return left > 0
    }
    guard isLost else { return try await work() }
    if performs { _ = try await work() }
    throw APIError(.unavailable, "the connection was cut")
  }
}

/// A cluster in which a namespace does not exist yet.
final class MissingNamespaceAPI: ForwardingAPI, @unchecked Sendable {
  private let missing: Mutex<String?>

  init(_ namespace: String = "default") {
    missing = Mutex(namespace)
    super.init()
  }

  func makeNamespace() { missing.withLock { $0 = nil } }

  override func create(_ object: Object) async throws(APIError) -> Object {
    guard missing.withLock({ $0 != object.namespace }) else {
      throw APIError(.notFound, "\(object.reference): namespaces \"\(object.namespace)\" not found")
    }
    return try await super.create(object)
  }
}

/// A server that refuses reads or writes, as the test sets it, and counts the calls it receives.
final class FailingOnceAPI: ForwardingAPI, @unchecked Sendable {
  private struct Calls {
    var refusal: APIError.Kind?
    /// The number of calls that are still refused; nil for all.
    var times: Int?
    var count = 0

    mutating func next() -> APIError.Kind? {
      count += 1
      guard let refusal, times != 0 else { return nil }
      times = times.map { $0 - 1 }
      return refusal
    }
  }

  private let reading = Mutex(Calls())
  private let writing = Mutex(Calls())
  var reads: Int { reading.withLock { $0.count } }
  var writes: Int { writing.withLock { $0.count } }

  /// - Parameter times: nil for no limit.
  func refuseReads(_ kind: APIError.Kind?, times: Int? = nil) {
    reading.withLock { ($0.refusal, $0.times) = (kind, times) }
  }

  /// - Parameter times: nil for no limit.
  func refuseWrites(_ kind: APIError.Kind?, times: Int? = nil) {
    writing.withLock { ($0.refusal, $0.times) = (kind, times) }
  }

  override func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    if let kind = reading.withLock({ $0.next() }) { throw APIError(kind, "\(name): not now") }
    return try await super.get(resource, name)
  }

  override func create(_ object: Object) async throws(APIError) -> Object {
    if let kind = writing.withLock({ $0.next() }) { throw APIError(kind, "\(object.name): not now") }
    return try await super.create(object)
  }

  override func update(_ object: Object) async throws(APIError) -> Object {
    if let kind = writing.withLock({ $0.next() }) { throw APIError(kind, "\(object.name): not now") }
    return try await super.update(object)
  }
}
