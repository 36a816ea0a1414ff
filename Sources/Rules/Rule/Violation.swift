import Diagnostics
import Values

/// A rule's finding about one object, before its line and column are looked up.
public struct Violation: Sendable, Hashable {
  /// The object, of the two that a change compares, that the path refers to.
  public enum Side: Sendable, Hashable {
    /// The desired object.
    case new
    /// The old object; for a deletion, its former place.
    case old
  }

  /// A rule whose findings are expensive stops at this number for one object; reports show no more.
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
