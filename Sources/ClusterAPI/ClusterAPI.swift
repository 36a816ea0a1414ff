import Values

/// The one port to whatever runs the clusters: a real Kubernetes, or the embedded one.
///
/// Every call may be made from any task. Objects come back with `metadata.resourceVersion`; a write that carries
/// one is refused with `.conflict` where the object has changed since.
public protocol ClusterAPI: Sendable {
  func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object

  /// - Parameter namespace: nil for all.
  func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList

  /// What happens to objects of a kind after the given version of the store. The stream ends with an `APIError`
  /// (`.gone`: list again) or when its consumer goes away; it is never silently cut.
  func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error>

  func create(_ object: Object) async throws(APIError) -> Object
  /// Replaces everything but the status.
  func update(_ object: Object) async throws(APIError) -> Object
  /// Replaces nothing but the status.
  func updateStatus(_ object: Object) async throws(APIError) -> Object
  /// RFC 7386. A patch that carries `metadata.resourceVersion` (or `uid`) is checked against it.
  func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object
  func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions) async throws(APIError)

  /// Runs a command in a pod's container and waits for its end.
  func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult
}

public struct ObjectList: Sendable {
  public var items: [Object]
  /// Where a watch goes on from.
  public var resourceVersion: String

  public init(items: [Object], resourceVersion: String) {
    self.items = items
    self.resourceVersion = resourceVersion
  }
}

public enum WatchEvent: Sendable, Hashable {
  case added(Object)
  case modified(Object)
  /// With the object's last state.
  case deleted(Object)
  /// Nothing happened up to this version.
  case bookmark(resourceVersion: String)
}

/// What must still be true of an object for it to be deleted, else `.conflict`; and how it is to end.
public struct Preconditions: Sendable, Hashable {
  public var uid: String?
  public var resourceVersion: String?
  /// How long a pod may take to end, in seconds; nil for as long as it says itself. With 0 its name is free at once,
  /// so that is only for a pod in which nothing runs.
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
  /// The argument vector; nothing in it passes through a shell unless its first element is one.
  public var command: [String]
  public var stdin: [UInt8]
  /// What is kept of each stream, in bytes; the rest is read and dropped.
  public var outputLimit: Int
  /// How long the caller waits; nil for as long as it takes. What still runs then is killed where that can be done:
  /// a Kubernetes lets it run on.
  public var timeout: Duration?
  /// Where given, the call is refused with `.conflict` unless the container is this one.
  public var containerID: String?

  public init(
    container: String = "app", command: [String], stdin: [UInt8] = [], outputLimit: Int = 64 << 10,
    timeout: Duration? = nil, containerID: String? = nil
  ) {
    self.container = container
    self.command = command
    self.stdin = stdin
    self.outputLimit = outputLimit
    self.timeout = timeout
    self.containerID = containerID
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
