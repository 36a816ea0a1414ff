/// Why the port did not do what was asked.
public struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
  public var kind: Kind
  /// One sentence for people, naming the object.
  public var message: String
  /// How long the server asks to be left alone.
  public var retryAfter: Duration?

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case notFound
    case alreadyExists
    /// Someone else was faster: read again, decide again. Also a precondition that did not hold.
    case conflict
    /// The resourceVersion is too old to go on from: list again.
    case gone
    /// The object breaks its schema.
    case invalid
    case unauthorized
    case forbidden
    case throttled
    case timeout
    /// No answer, or half of one.
    case unavailable
    /// The pod or its container is not in a state to run anything.
    case notRunning
    /// A command could not be started, and nothing of it has run: no memory, no process, no sandbox, no such program.
    case notStarted
    /// A command was started, and ended because it used more memory or disk than it may.
    case limitExceeded
    case unsupported
    case other
  }

  public init(_ kind: Kind, _ message: String, retryAfter: Duration? = nil) {
    self.kind = kind
    self.message = message
    self.retryAfter = retryAfter
  }

  /// True where the same call may well succeed later, with nobody doing anything.
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
