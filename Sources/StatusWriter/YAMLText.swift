import Values

/// Writes YAML that every reader takes the same way: block style, and quotes wherever a bare word could be
/// read as anything but itself.
enum YAMLText {
  /// A mapping, a line a member; lists of mappings begin each item with `- `, mappings of plain values that
  /// stand in a list below the top go on one line.
  static func block(_ members: JSON.Members) -> String {
    var out = ""
    for (key, value) in members { write(key, value, indent: 0, to: &out) }
    return out
  }

  /// The items of a list as the value of a key at the top.
  static func item(_ members: JSON.Members) -> String {
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

  static func flow(_ value: JSON) -> String {
    switch value {
    case .null, .bool, .integer, .number: value.text()
    case .string(let text): scalar(text)
    case .array(let items): "[" + items.map { flow($0) }.joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { key, value in "\(scalar(key)): \(flow(value))" }.joined(separator: ", ") + "}"
    }
  }

  /// A string, bare where no version of YAML can take it for a number, a date, a truth value or syntax.
  static func scalar(_ text: String) -> String { YAMLScalar.text(text) }
}
