/// Writes YAML that every parser reads the same way: block style, with quotes around each string that could
/// be read as another type.
public enum YAMLText {
  /// Renders a mapping, one member per line. In a list of mappings, each item begins with `- ` and is on one
  /// line.
  public static func block(_ members: JSON.Members) -> String {
    var out = ""
    for (key, value) in members { write(key, value, indent: 0, to: &out) }
    return out
  }

  /// Renders an item of a list that is the value of a top-level key.
  public static func item(_ members: JSON.Members) -> String {
    var out = ""
    var isFirst = true
    for (key, value) in members {
      var lines = ""
      write(key, value, indent: 4, to: &lines)
      out += isFirst ? "  - " + lines.dropFirst(4) : lines
      isFirst = false
    }
    return out
  }

  private static func write(_ key: String, _ value: JSON, indent: Int, to out: inout String) {
    let margin = String(repeating: " ", count: indent)
    switch value {
    case .object(let members) where !members.isEmpty:
      out += "\(margin)\(scalar(key)):\n"
      for (key, value) in members { write(key, value, indent: indent + 2, to: &out) }
    case .array(let items) where items.contains { $0.object != nil }:
      out += "\(margin)\(scalar(key)):\n"
      for item in items { out += "\(margin)  - \(flow(item))\n" }
    default:
      out += "\(margin)\(scalar(key)): \(flow(value))\n"
    }
  }

  public static func flow(_ value: JSON) -> String {
    switch value {
    case .null, .bool, .integer, .number: value.text()
    case .string(let text): scalar(text)
    case .array(let items): "[" + items.map { flow($0) }.joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { key, value in "\(scalar(key)): \(flow(value))" }.joined(separator: ", ") + "}"
    }
  }

  /// Renders a string; unquoted only if no version of YAML can read it as a number, a date, a boolean or
  /// syntax.
  static func scalar(_ text: String) -> String { YAMLScalar.text(text) }
}
