import Values

/// Access to the API server of a cluster: a real Kubernetes, or the embedded one.
///
/// Every method may be called from any task. Returned objects have a `metadata.resourceVersion`. A write with a
/// resource version fails with `.conflict` if the object has changed since.
public protocol ClusterAPI: Sendable {
  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object

  /// Lists the objects of a kind.
  ///
  /// - Parameter namespace: nil for all.
  func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList

  /// Watches the changes of a kind's objects after the given resource version. The stream ends with an `APIError`
  /// (`.gone`: list again) or when its consumer is released. It never ends without an error on its own.
  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error>

  func create(_ object: Object) async throws(APIError) -> Object
  /// Replaces everything except the status.
  func update(_ object: Object) async throws(APIError) -> Object
  /// Replaces only the status.
  func updateStatus(_ object: Object) async throws(APIError) -> Object
  /// Applies a JSON merge patch (RFC 7386). If the patch contains `metadata.resourceVersion` or `uid`, the object must
  /// match.
  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object
  func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions) async throws(APIError)

  /// Runs a command in a pod's container and waits until it ends.
  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult
}

public struct ObjectList: Sendable {
  public var items: [Object]
  /// The version from which a watch continues.
  public var resourceVersion: String

  public init(items: [Object], resourceVersion: String) {
    self.items = items
    self.resourceVersion = resourceVersion
  }
}

public enum WatchEvent: Sendable, Hashable {
  case added(Object)
  case modified(Object)
  /// Contains the object's last state.
  case deleted(Object)
  /// Nothing else happened up to this version.
  case bookmark(resourceVersion: String)
}

/// Conditions for deleting an object, and the way that it is deleted. The call fails with `.conflict` if a condition
/// is not met.
public struct Preconditions: Sendable, Hashable {
  public var uid: String?
  public var resourceVersion: String?
  /// The time for a pod to shut down, in seconds; nil for the pod's own grace period. With 0 its name is free at once,
  /// so use that only for a pod in which nothing runs.
  public var gracePeriod: Int?

  public static let none = Preconditions()

  public init(uid: String? = nil, resourceVersion: String? = nil, gracePeriod: Int? = nil) {
    self.gracePeriod = gracePeriod
    self.uid = uid
    self.resourceVersion = resourceVersion
  }
}

public struct ExecRequest: Sendable, Hashable {
  /// The container's name.
  public var container: String
  /// The argument vector. No shell evaluates it unless its first element is a shell.
  public var command: [String]
  public var stdin: [UInt8]
  /// The number of bytes kept of each stream. The rest is read and dropped.
  public var outputLimit: Int
  /// How long the caller waits; nil for no limit. After that the command is killed if possible; Kubernetes lets it
  /// continue to run.
  public var timeout: Duration?
  /// If set, the call fails with `.conflict` unless the container has this id.
  public var containerID: String?
  /// Identifies the work of the command. A command may wait for another one with the same key instead of repeating
  /// its work. On timeout, all commands in the container with the same key are killed if possible; without a key,
  /// only this one.
  public var key: String?

  public init(
    container: String = "app", command: [String], stdin: [UInt8] = [], outputLimit: Int = 64 << 10,
    timeout: Duration? = nil, containerID: String? = nil, key: String? = nil
  ) {
    self.container = container
    self.command = command
    self.stdin = stdin
    self.outputLimit = outputLimit
    self.timeout = timeout
    self.containerID = containerID
    self.key = key
  }
}

public struct ExecResult: Sendable, Hashable {
  public var exitCode: Int
  public var stdout: [UInt8]
  public var stderr: [UInt8]

  public init(exitCode: Int, stdout: [UInt8] = [], stderr: [UInt8] = []) {
    self.exitCode = exitCode
    self.stdout = stdout
    self.stderr = stderr
  }
}
