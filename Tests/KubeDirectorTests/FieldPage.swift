import TestSupport
import Values

/// Writes a page of `docs/reference` from the schema of a custom resource definition: one section for each object, one
/// item for each of its fields.
struct FieldPage {
  private var out = ""

  /// - Parameters:
  ///   - introduction: the title and what precedes the fields.
  ///   - schema: the `openAPIV3Schema` of the whole object.
  static func text(_ introduction: String, _ schema: JSON) -> String {
    var page = FieldPage(out: introduction)
    for part in ["spec", "status"] {
      if let node = schema["properties"]?[part] { page.section(part, node) }
    }
    return page.out
  }

  /// Writes the fields of an object, then the sections of the objects in it.
  private mutating func section(_ path: String, _ node: JSON) {
    guard let fields = node["properties"]?.object, !fields.isEmpty else { return }
    out += "\n## `\(path)`\n\n"
    if let description = node["description"]?.string { out += GeneratedPage.wrapped(description) + "\n\n" }
    let required = node["required"]?.array ?? []
    for (name, field) in fields {
      let words = Self.words(name, field, isRequired: required.contains(.string(name)))
      out += GeneratedPage.wrapped(words, first: "- ", rest: "  ") + "\n"
    }
    for (name, field) in fields {
      section("\(path).\(name)", field)
      if let items = field["items"] { section("\(path).\(name)[]", items) }
    }
  }

  private static func words(_ name: String, _ field: JSON, isRequired: Bool) -> String {
    var out = "`\(name)` (\(type(field))\(isRequired ? ", required" : ""))"
    var more: [String] = []
    if let description = field["description"]?.string { more.append(description) }
    more += limits(field)
    // Lists and maps of plain values have no section of their own.
    if let items = field["items"], items["properties"] == nil { more += limits(items).map { "Items: \($0)" } }
    if let values = field["additionalProperties"] { more += limits(values).map { "Values: \($0)" } }
    if !more.isEmpty { out += ": " + more.joined(separator: " ") }
    return out
  }

  private static func type(_ field: JSON) -> String {
    let plain =
      if field["x-kubernetes-int-or-string"] == true {
        "string or number"
      } else if field["items"] != nil {
        "list of \(field["items"]?["type"]?.string ?? "value")s"
      } else if field["additionalProperties"] != nil {
        "map"
      } else {
        field["type"]?.string ?? "any value"
      }
    return field["nullable"] == true ? "\(plain) or null" : plain
  }

  private static func limits(_ field: JSON) -> [String] {
    var out: [String] = []
    if let values = field["enum"]?.array {
      out.append("One of " + values.compactMap(\.string).map { "`\($0)`" }.joined(separator: ", ") + ".")
    }
    if let least = field["minimum"]?.integer { out.append("At least \(least).") }
    if let most = field["maximum"]?.integer { out.append("At most \(most).") }
    if let least = field["minLength"]?.integer, least > 0 { out.append("Not empty.") }
    if let most = field["maxLength"]?.integer { out.append("At most \(most) characters.") }
    if let most = field["maxItems"]?.integer { out.append("At most \(most) items.") }
    if let pattern = field["pattern"]?.string { out.append("Pattern `\(pattern)`.") }
    return out
  }
}
