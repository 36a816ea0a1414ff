import Values

/// One way in which a value does not fit its schema.
public struct SchemaFinding: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// The value breaks the schema, and a cluster would refuse the object.
    case error
    /// The schema names no such field; most often a slip of the fingers.
    case unknownField
  }

  public var kind: Kind
  /// Where in the object. A required field that is missing is named by its own path, where nothing stands.
  public var path: FieldPath
  /// A sentence that begins with the path.
  public var message: String
  public var hint: String?
  /// Whether a string is wanted where an unquoted scalar stands, so that quotes are all that is missing.
  public var wantsQuotes: Bool

  public init(
    kind: Kind, path: FieldPath, message: String, hint: String? = nil, wantsQuotes: Bool = false
  ) {
    self.kind = kind
    self.path = path
    self.message = message
    self.hint = hint
    self.wantsQuotes = wantsQuotes
  }
}
