import Values

/// A structural OpenAPI v3 schema, compiled once for many validations.
///
/// Reports all errors that an API server would report about an object of a CRD with this schema, in one pass. Defaults
/// and `x-kubernetes-validations` are left to the server.
public struct Schema: Sendable {
  /// The maximum number of findings for one object; a malicious file could have one per byte.
  public static let findingLimit = 100

  private let root: SchemaNode

  /// - Parameter formats: The checks for `format`.
  /// - Throws: `SchemaError` for a keyword that is unknown or malformed, so that no part of a schema is silently
  ///   ignored.
  public init(_ json: JSON, formats: FormatTable = .none) throws(SchemaError) {
    root = try SchemaNode(json, path: .root, formats: formats)
  }

  /// The violations, in the order of the object's members; empty if the object is valid.
  public func validate(_ object: JSON) -> [SchemaFinding] {
    var checker = SchemaChecker()
    checker.check(object, root, isRoot: true)
    return checker.findings()
  }
}

/// The reason why a schema cannot be used.
public struct SchemaError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The path in the schema.
  public var path: FieldPath
  public var message: String

  public var description: String { "the schema cannot be used: \(path) \(message)" }
}

/// One level of a schema.
final class SchemaNode: Sendable {
  enum ValueType: String, Sendable {
    case object, array, string, integer, number, boolean
  }

  /// The treatment of members that `properties` does not name.
  enum Others: Sendable {
    case unknown
    case anything
    case schema(SchemaNode)
  }

  let type: ValueType?
  let isIntegerOrString: Bool
  let isNullable: Bool
  let properties: [ExactString: SchemaNode]
  let required: [String]
  let others: Others
  let items: SchemaNode?
  let allowed: [JSON]
  let pattern: Pattern?
  let patternWords: String?
  let format: FormatTable.Check?
  let formatName: String?
  /// The number of code points of a string, elements of an array, or members of an object.
  let count: ClosedRange<Int>
  let minimum: Double?
  let maximum: Double?
  let isMinimumExclusive: Bool
  let isMaximumExclusive: Bool

  init(_ json: JSON, path: FieldPath, formats: FormatTable) throws(SchemaError) {
    let reader = try SchemaReader(json, path: path)
    isIntegerOrString = try reader.flag("x-kubernetes-int-or-string")
    type = try reader.type()
    isNullable = try reader.flag("nullable")
    required = try reader.strings("required")
    allowed = try reader.array("enum")
    pattern = try reader.pattern()
    patternWords = pattern.flatMap { formats.words(for: $0.description) }
    formatName = try reader.text("format")
    format = formatName.flatMap { formats.check(format: $0) }
    count = try reader.count(of: type)
    minimum = try reader.number("minimum")
    maximum = try reader.number("maximum")
    isMinimumExclusive = try reader.flag("exclusiveMinimum")
    isMaximumExclusive = try reader.flag("exclusiveMaximum")
    var properties: [ExactString: SchemaNode] = [:]
    for (name, schema) in try reader.schemas("properties") {
      properties[ExactString(name)] = try SchemaNode(
        schema, path: path + ["properties", .key(name)], formats: formats)
    }
    self.properties = properties
    // Next to named properties the flag keeps unknown fields; they still deserve a warning.
    let isOpen = try reader.flag("x-kubernetes-preserve-unknown-fields") && properties.isEmpty
    items = try reader.schema("items").map { schema throws(SchemaError) in
      try SchemaNode(schema, path: path + ["items"], formats: formats)
    }
    others =
      switch json["additionalProperties"] {
      case .bool(true): .anything
      case nil, .bool(false): isOpen ? .anything : .unknown
      case let schema?:
        .schema(try SchemaNode(schema, path: path + ["additionalProperties"], formats: formats))
      }
  }
}
