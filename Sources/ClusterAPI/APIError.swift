/// An error of a `ClusterAPI` call.
public struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
  public var kind: Kind
  /// One sentence for users that names the object.
  public var message: String
  /// The time for which the server asks clients to wait.
  public var retryAfter: Duration?

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case notFound
    case alreadyExists
    /// The object was changed by another client, or a precondition failed: read and decide again.
    case conflict
    /// The resource version is too old to continue from: list again.
    case gone
    /// The object violates its schema.
    case invalid
    case unauthorized
    case forbidden
    case throttled
    case timeout
    /// No response, or an incomplete one.
    case unavailable
    /// The pod or its container is not in a state in which it can run commands.
    case notRunning
    /// A command could not be started, and nothing of it has run: no memory, no process, no sandbox, no such program.
    case notStarted
    /// A command was started, and ended because it exceeded its memory or disk limit.
    case limitExceeded
    case unsupported
    case other
  }

  public init(_ kind: Kind, _ message: String, retryAfter: Duration? = nil) {
    self.kind = kind
    self.message = message
    self.retryAfter = retryAfter
  }

  /// Whether the same call may succeed later without intervention.
  public var isTransient: Bool {
    switch kind {
    case .conflict, .gone, .throttled, .timeout, .unavailable, .notRunning, .notStarted: true
    case .notFound, .alreadyExists, .invalid, .unauthorized, .forbidden, .limitExceeded, .unsupported,
      .other:
      false
    }
  }

  public var description: String { "\(message) (\(kind.rawValue))" }
}
