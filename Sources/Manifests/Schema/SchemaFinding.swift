import Values

/// One violation of a schema by a value.
public struct SchemaFinding: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// The value violates the schema, and a cluster would reject the object.
    case error
    /// The schema has no such field; most often a typing error.
    case unknownField
  }

  public var kind: Kind
  /// The path in the object. A missing required field has its own path, although no value exists there.
  public var path: FieldPath
  /// A sentence that begins with the path.
  public var message: String
  public var hint: String?
  /// Whether a string is required but an unquoted scalar was found, so that only quotes are missing.
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
