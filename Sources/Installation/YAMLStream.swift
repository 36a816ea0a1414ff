import Values

/// Writes objects as a stream of YAML documents: block style, short lists of scalars on one line, and multi-line text
/// as a literal block.
enum YAMLStream {
  /// Writes a stream of documents.
  ///
  /// - Parameter documents: each document with the notes above it. Each note is a sentence on its own line and becomes
  ///   a comment.
  static func text(_ documents: [(notes: [String], content: JSON)]) -> String {
    documents.map { document in
      document.notes.map { "# \($0)\n" }.joined() + text(document.content)
    }.joined(separator: "---\n")
  }

  /// Writes one document.
  static func text(_ content: JSON) -> String {
    guard let members = content.object, !members.isEmpty else { return flow(content) + "\n" }
    var out = ""
    write(members, indent: 0, to: &out)
    return out
  }

  private static let width = 100

  private static func write(_ members: JSON.Members, indent: Int, to out: inout String) {
    for (key, value) in members { write(key, value, indent: indent, to: &out) }
  }

  private static func write(_ key: String, _ value: JSON, indent: Int, to out: inout String) {
    let head = String(repeating: " ", count: indent) + YAMLScalar.text(key) + ":"
    switch value {
    case .object(let members) where !members.isEmpty:
      out += head + "\n"
      write(members, indent: indent + 2, to: &out)
    case .array(let items) where !items.isEmpty && !fits(value, in: width - head.utf8.count):
      out += head + "\n"
      for item in items { write(item: item, indent: indent + 2, to: &out) }
    case .string(let text) where isLiteral(text):
      out += head + " |\n"
      let margin = String(repeating: " ", count: indent + 2)
      for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
        out += line.isEmpty ? "\n" : margin + line + "\n"
      }
    default:
      out += "\(head) \(flow(value))\n"
    }
  }

  private static func write(item: JSON, indent: Int, to out: inout String) {
    let margin = String(repeating: " ", count: indent)
    guard let members = item.object, !members.isEmpty else {
      out += "\(margin)- \(flow(item))\n"
      return
    }
    var lines = ""
    write(members, indent: indent + 2, to: &lines)
    out += margin + "- " + lines.dropFirst(indent + 2)
  }

  /// Whether a list fits on one line and contains only scalars.
  private static func fits(_ list: JSON, in space: Int) -> Bool {
    let isPlain = list.array?.allSatisfy { $0.array == nil && $0.object == nil } ?? false
    return isPlain && flow(list).utf8.count < space
  }

  /// Whether a text can be written as a literal block: visible ASCII, one line break at the end, and no leading blanks
  /// that would be read as indentation.
  private static func isLiteral(_ text: String) -> Bool {
    text.hasSuffix("\n") && !text.hasSuffix("\n\n") && !text.hasPrefix(" ") && !text.hasPrefix("\n")
      && text.utf8.allSatisfy { $0 == UInt8(ascii: "\n") || (0x20...0x7E).contains($0) }
  }

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
