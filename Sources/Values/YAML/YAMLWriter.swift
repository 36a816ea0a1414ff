/// Writes JSON trees as YAML that every parser reads the same way: block style, with quotes around each string that could
/// be read as another type.
public struct YAMLWriter: Sendable {
  /// How lists and long texts are written.
  public enum Style: Sendable {
    /// One member or item per line, for notes and the status tree: lists of mappings have one mapping per line.
    case compact
    /// The style in which people write manifests: long lists in block style, and multi-line text as a literal block.
    case manifest
  }

  private let style: Style
  /// The longest line with a list, in bytes.
  private static let width = 100

  public init(_ style: Style) { self.style = style }

  /// Writes a mapping, beginning at the left margin.
  public func block(_ members: JSON.Members) -> String {
    var out = ""
    write(members, indent: 0, to: &out)
    return out
  }

  /// Writes a document: a mapping as `block` does, anything else on one line.
  public func document(_ content: JSON) -> String {
    guard let members = content.object, !members.isEmpty else { return Self.flow(content) + "\n" }
    return block(members)
  }

  /// Writes an item of a list that is the value of a top-level key.
  public func item(_ members: JSON.Members) -> String {
    var out = ""
    write(item: .object(members), indent: 2, to: &out)
    return out
  }

  private func write(_ members: JSON.Members, indent: Int, to out: inout String) {
    for (key, value) in members { write(key, value, indent: indent, to: &out) }
  }

  private func write(_ key: String, _ value: JSON, indent: Int, to out: inout String) {
    let head = String(repeating: " ", count: indent) + YAMLScalar.text(key) + ":"
    switch value {
    case .object(let members) where !members.isEmpty:
      out += head + "\n"
      write(members, indent: indent + 2, to: &out)
    case .array(let items) where isBlock(items, in: Self.width - head.utf8.count):
      out += head + "\n"
      for item in items {
        if style == .compact {
          out += String(repeating: " ", count: indent + 2) + "- \(Self.flow(item))\n"
        } else {
          write(item: item, indent: indent + 2, to: &out)
        }
      }
    case .string(let text) where style == .manifest && Self.isLiteral(text):
      out += head + " |\n"
      let margin = String(repeating: " ", count: indent + 2)
      for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
        out += line.isEmpty ? "\n" : margin + line + "\n"
      }
    default:
      out += "\(head) \(Self.flow(value))\n"
    }
  }

  private func write(item: JSON, indent: Int, to out: inout String) {
    let margin = String(repeating: " ", count: indent)
    guard let members = item.object, !members.isEmpty else {
      out += "\(margin)- \(Self.flow(item))\n"
      return
    }
    var lines = ""
    write(members, indent: indent + 2, to: &lines)
    out += margin + "- " + lines.dropFirst(indent + 2)
  }

  /// Whether the items of a list are on lines of their own.
  private func isBlock(_ items: [JSON], in width: Int) -> Bool {
    guard style == .manifest else { return items.contains { $0.object != nil } }
    guard !items.isEmpty else { return false }
    let isFlat = items.allSatisfy { $0.array == nil && $0.object == nil }
    return !isFlat || Self.flow(.array(items)).utf8.count >= width
  }

  /// Whether a text can be written as a literal block: visible ASCII, one line break at the end, and no leading blanks
  /// that would be read as indentation.
  private static func isLiteral(_ text: String) -> Bool {
    text.hasSuffix("\n") && !text.hasSuffix("\n\n") && !text.hasPrefix(" ") && !text.hasPrefix("\n")
      && text.utf8.allSatisfy { $0 == UInt8(ascii: "\n") || (0x20...0x7E).contains($0) }
  }

  /// A value on one line.
  private static func flow(_ value: JSON) -> String {
    switch value {
    case .null, .bool, .integer, .number: value.text()
    case .string(let text): YAMLScalar.text(text)
    case .array(let items): "[" + items.map { flow($0) }.joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(YAMLScalar.text($0)): \(flow($1))" }.joined(separator: ", ") + "}"
    }
  }
}
