import FoundationEssentials
import Values

/// A schema of `docs/reference/schemas`, and a checker for the keywords that these schemas use.
///
/// Readers of the output ignore members that they do not know. This checker reports them, so that the schemas stay
/// complete.
public struct OutputSchema: Sendable {
  private let root: JSON

  /// - Parameter name: such as `plan`.
  public init(_ name: String) throws {
    root = try JSON.parse(Data(contentsOf: Project.file("docs/reference/schemas/\(name).json")))
  }

  /// The violations of the schema, each with its path; empty if the value matches.
  public func problems(of value: JSON) -> [String] {
    var problems: [String] = []
    check(value, root, "", &problems)
    return problems
  }

  private func check(_ value: JSON, _ node: JSON, _ path: String, _ problems: inout [String]) {
    if let reference = node["$ref"]?.string {
      let name = reference.split(separator: "/").last.map(String.init) ?? ""
      guard let target = root["$defs"]?[name] else {
        return problems.append("\(path): there is no \(reference)")
      }
      return check(value, target, path, &problems)
    }
    let types = node["type"]?.array?.compactMap(\.string) ?? [node["type"]?.string].compactMap(\.self)
    guard types.contains(where: { Self.fits(value, $0) }) else {
      return problems.append("\(path): \(value.typeName) instead of \(types.joined(separator: " or "))")
    }
    if let allowed = node["enum"]?.array, !allowed.contains(value) {
      problems.append("\(path): \(value.text()) is not listed")
    }
    for (index, item) in (value.array ?? []).enumerated() {
      check(item, node["items"] ?? .null, "\(path)[\(index)]", &problems)
    }
    if let members = value.object { check(members, node, path, &problems) }
  }

  private func check(_ members: JSON.Members, _ node: JSON, _ path: String, _ problems: inout [String]) {
    for name in node["required"]?.array?.compactMap(\.string) ?? [] where members[name] == nil {
      problems.append("\(path).\(name) is missing")
    }
    guard let properties = node["properties"] else { return }
    for (name, member) in members {
      if let property = properties[name] {
        check(member, property, "\(path).\(name)", &problems)
      } else if node["additionalProperties"] != true {
        problems.append("\(path).\(name) is not in the schema")
      }
    }
  }

  private static func fits(_ value: JSON, _ type: String) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer),
      ("number", .number),
      ("string", .string), ("array", .array), ("object", .object):
      true
    default: false
    }
  }
}
