import Diagnostics
import Values

/// What a rule has to say about one object, before its place has been looked up.
public struct Violation: Sendable, Hashable {
  /// On which side of a change the place stands.
  public enum Side: Sendable, Hashable {
    /// The object as it is wanted.
    case new
    /// The object as it was; for a deletion, where it stood.
    case old
  }

  /// A rule whose findings are costly stops at so many of one object; nobody is shown more.
  static let limit = FindingLimit.standard + 1

  public var path: FieldPath
  public var side: Side
  /// Nil means the rule's own severity.
  public var severity: Severity?
  public var message: String
  public var hint: String?

  public init(
    _ path: FieldPath, of side: Side = .new, severity: Severity? = nil, _ message: String, hint: String? = nil
  ) {
    self.path = path
    self.side = side
    self.severity = severity
    self.message = message
    self.hint = hint
  }
}
