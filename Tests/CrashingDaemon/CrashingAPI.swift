import ClusterAPI
import Glibc
import TestSupport
import Values

/// A port that counts actions and kills the process right after a given one: the action is complete, but its
/// result never arrives.
///
/// Actions are writes and commands in pods. Kubernetes events do not count.
final class CrashingAPI: ForwardingAPI, @unchecked Sendable {
  private let book: CrashLog
  private let last: Int?

  /// - Parameters:
  ///   - book: The log that records actions. Actions before the log is open are not counted.
  ///   - last: The number of the action after which the process dies; nil for never.
  init(_ api: any ClusterAPI, _ book: CrashLog, dieAfter last: Int?) {
    (self.book, self.last) = (book, last)
    super.init(api)
  }

  private func count<Value: Sendable>(
    _ words: String, isEvent: Bool = false, _ deed: () async throws(APIError) -> Value
  ) async throws(APIError) -> Value {
    let value = try await deed()
    if !isEvent, let number = book.note(words), number == last { _ = kill(getpid(), SIGKILL) }
    return value
  }

  override func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try await count("run a command in \(pod.name)") { () throws(APIError) in try await api.exec(pod, request)
    }
  }

  override func create(_ object: Object) async throws(APIError) -> Object {
    try await count("create \(object.kind) \(object.name)", isEvent: object.kind == "Event") {
      () throws(APIError) in try await api.create(object)
    }
  }

  override func update(_ object: Object) async throws(APIError) -> Object {
    try await count("update \(object.kind) \(object.name)") { () throws(APIError) in
      try await api.update(object)
    }
  }

  override func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try await count("update status of \(object.name)") { () throws(APIError) in
      try await api.updateStatus(object)
    }
  }

  override func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object
  {
    try await count("patch \(resource.kind) \(name.name)", isEvent: resource == .events) {
      () throws(APIError) in try await api.patch(resource, name, merge: merge)
    }
  }

  override func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    try await count("delete \(resource.kind) \(name.name)") { () throws(APIError) in
      try await api.delete(resource, name, preconditions)
    }
  }
}
