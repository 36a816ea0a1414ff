import Diagnostics
import Values

/// The places of values in one file.
///
/// The normal parsers keep no positions, because only few files have findings. A file with findings is parsed again
/// here.
public struct ManifestPositions: Sendable {
  /// A part of `key: value`.
  public enum Part: Sendable, Hashable {
    case key
    case value
  }

  private let path: String
  private let bytes: [UInt8]
  private let source: SourceText
  private let documents: [Int: PositionedNode]

  /// Parses as much of a file as can be read.
  public init(path: String, bytes: [UInt8], limits: ManifestLimits = .standard) {
    self.path = path
    let bytes = UTF8Check.withoutMark(bytes)
    self.bytes = bytes
    source = SourceText(Array(bytes.prefix(limits.bytes)))
    documents = bytes.withUnsafeBytes { bytes in
      guard bytes.count <= limits.bytes else { return [:] }
      if ManifestReader.isJSON(path) { return JSONPositions.documents(bytes, limits: limits) }
      return YAMLPositions.documents(bytes, limits: limits)
    }
  }

  /// The place of an object's field.
  public func location(of part: Part = .value, at field: FieldPath, in document: ManifestDocument)
    -> SourceLocation
  {
    location(of: part, at: document.prefix + field, document: document.index)
  }

  /// The place of a value, or of its key, in a document.
  ///
  /// A value that does not exist is placed at the key of its nearest existing parent; a collection that spans several
  /// lines is placed at its key. Never extends past the end of a line.
  public func location(of part: Part = .value, at field: FieldPath, document: Int) -> SourceLocation {
    guard let root = documents[document] else { return source.location(file: path, from: 0, to: 0) }
    let found = walk(field, from: root)
    let node = found.node
    var range = node.range
    let keepsValue = found.isWhole ? part == .value : isAlias(node)
    if let key = found.keyRange, !keepsValue || node.range.isEmpty || (!node.isLeaf && !isOnOneLine(node)) {
      range = key
    } else if !node.isLeaf, !node.isFlow || !isOnOneLine(node) {
      range = beginning(of: node)
    }
    return source.location(file: path, from: range.lowerBound, to: range.upperBound)
  }

  /// A scalar as in the file, on one line and without its quotes; nil for anything else.
  public func scalarText(at field: FieldPath, document: Int) -> String? {
    guard let root = documents[document] else { return nil }
    let found = walk(field, from: root)
    guard found.isWhole, case .leaf = found.node.content else { return nil }
    let text = String(decoding: bytes[found.node.range], as: UTF8.self)
    guard !text.isEmpty, !text.contains(where: \.isNewline) else { return nil }
    return text.count >= 2 && (text.first == "\"" || text.first == "'") && text.first == text.last
      ? String(text.dropFirst().dropLast()) : text
  }

  // MARK: Walking

  private func walk(
    _ field: FieldPath, from root: PositionedNode
  ) -> (node: PositionedNode, keyRange: Range<Int>?, isWhole: Bool) {
    var node = root
    var keyRange: Range<Int>?
    for step in field.steps {
      switch (step, node.content) {
      case (.key(let key), .members(let members)):
        // A merged member is placed at the `<<`.
        guard let member = members.last(key) ?? members.last("<<") else { return (node, keyRange, false) }
        (node, keyRange) = (member.node, member.keyRange)
        if !member.key.isExactly(key) { return (node, keyRange, false) }
      case (.index(let index), .items(let items)) where items.indices.contains(index):
        (node, keyRange) = (items[index], nil)
      default:
        return (node, keyRange, false)
      }
    }
    return (node, keyRange, true)
  }

  private func isAlias(_ node: PositionedNode) -> Bool {
    if case .alias = node.content { true } else { false }
  }

  private func isOnOneLine(_ node: PositionedNode) -> Bool {
    node.isFlow && !bytes[node.range].contains(UInt8(ascii: "\n"))
  }

  /// The visible beginning of a collection: its first key or item, or its opening bracket.
  private func beginning(of node: PositionedNode) -> Range<Int> {
    let start = node.range.lowerBound
    if node.isFlow { return start..<start + 1 }
    switch node.content {
    case .members(let members): return members.first?.keyRange ?? start..<start + 1
    case .items(let items): return items.first.map { start..<$0.range.upperBound } ?? start..<start + 1
    case .leaf, .alias: return node.range
    }
  }
}
