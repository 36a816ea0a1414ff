import Values

/// Reads the keywords of one level of a schema from JSON.
struct SchemaReader {
  private static let understood: Set<String> = [
    "type", "properties", "required", "items", "additionalProperties", "enum", "pattern", "format",
    "nullable",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
  ]
  /// These keywords do not affect which values are valid.
  private static let ignored: Set<String> = [
    "title", "description", "default", "example", "externalDocs", "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-embedded-resource",
  ]

  private let members: JSON.Members
  private let path: FieldPath

  init(_ json: JSON, path: FieldPath) throws(SchemaError) {
    guard let members = json.object else { throw SchemaError(path: path, message: "is not an object") }
    self.members = members
    self.path = path
    for key in members.keys where !Self.understood.contains(key) && !Self.ignored.contains(key) {
      // A server requires this form of the two types in addition to the flag with the same meaning.
      if key == "anyOf", members["x-kubernetes-int-or-string"] == true { continue }
      throw SchemaError(path: path + [.key(key)], message: "is not supported")
    }
  }

  func type() throws(SchemaError) -> SchemaNode.ValueType? {
    guard let name = try text("type") else { return nil }
    guard let type = SchemaNode.ValueType(rawValue: name) else { throw malformed("type", "a known type") }
    return type
  }

  func pattern() throws(SchemaError) -> Pattern? {
    guard let text = try text("pattern") else { return nil }
    do throws(PatternError) {
      return try Pattern(text)
    } catch {
      throw SchemaError(path: path + ["pattern"], message: error.message)
    }
  }

  func count(of type: SchemaNode.ValueType?) throws(SchemaError) -> ClosedRange<Int> {
    let noun =
      switch type {
      case .array: "Items"
      case .object: "Properties"
      default: "Length"
      }
    let least = try number("min\(noun)") ?? 0
    let most = try number("max\(noun)") ?? Double(Int32.max)
    guard 0 <= least, least <= most, most <= Double(Int32.max) else {
      throw malformed("max\(noun)", "at least min\(noun)")
    }
    return Int(least)...Int(most)
  }

  func flag(_ key: String) throws(SchemaError) -> Bool {
    guard let value = members[key] else { return false }
    guard let flag = value.bool else { throw malformed(key, "a boolean") }
    return flag
  }

  func text(_ key: String) throws(SchemaError) -> String? {
    guard let value = members[key] else { return nil }
    guard let text = value.string else { throw malformed(key, "a string") }
    return text
  }

  func number(_ key: String) throws(SchemaError) -> Double? {
    switch members[key] {
    case nil: return nil
    case .integer(let value): return Double(value)
    case .number(let value): return value
    default: throw malformed(key, "a number")
    }
  }

  func array(_ key: String) throws(SchemaError) -> [JSON] {
    guard let value = members[key] else { return [] }
    guard let items = value.array else { throw malformed(key, "an array") }
    return items
  }

  func strings(_ key: String) throws(SchemaError) -> [String] {
    let items = try array(key)
    let strings = items.compactMap(\.string)
    guard strings.count == items.count else { throw malformed(key, "an array of strings") }
    return strings
  }

  func schema(_ key: String) throws(SchemaError) -> JSON? {
    guard let value = members[key] else { return nil }
    guard value.object != nil else { throw malformed(key, "a schema") }
    return value
  }

  func schemas(_ key: String) throws(SchemaError) -> JSON.Members {
    try schema(key)?.object ?? [:]
  }

  private func malformed(_ key: String, _ expected: String) -> SchemaError {
    SchemaError(path: path + [.key(key)], message: "must be \(expected)")
  }
}
