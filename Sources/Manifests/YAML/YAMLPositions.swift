import CLibyaml
import Values

/// Parses a YAML stream for the places of its values.
struct YAMLPositions: ~Copyable {
  private var events: YAMLEvents
  private let limits: ManifestLimits
  /// The byte offset of each Unicode scalar, which libyaml counts; nil if both are the same.
  private let bytesOfScalars: [Int]?
  private let byteCount: Int

  private init(_ bytes: UnsafeRawBufferPointer, limits: ManifestLimits) throws(FileIssue) {
    events = try YAMLEvents(bytes)
    self.limits = limits
    byteCount = bytes.count
    bytesOfScalars =
      bytes.allSatisfy { $0 < 0x80 } ? nil : bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 }
  }

  /// The documents by their index in the stream, as far as the file can be read.
  static func documents(_ bytes: UnsafeRawBufferPointer, limits: ManifestLimits) -> [Int: PositionedNode] {
    var documents: [Int: PositionedNode] = [:]
    do throws(FileIssue) {
      var reader = try YAMLPositions(bytes, limits: limits)
      try reader.events.advance()
      try reader.events.advance()
      while reader.events.kind == YAML_DOCUMENT_START_EVENT {
        try reader.events.advance()
        documents[documents.count] = try reader.node(depth: 0)
        try reader.events.advance()
        try reader.events.advance()
      }
    } catch {
      // `YAMLReader` has already reported the error; places before it are still valid.
    }
    return documents
  }

  private mutating func node(depth: Int) throws(FileIssue) -> PositionedNode {
    guard depth <= limits.depth else {
      throw FileIssue(rule: FileRule.limit, place: .scalars(events.place), message: "nested too deeply")
    }
    let start = place.lowerBound
    let isFlow = events.isFlow
    switch events.kind {
    case YAML_ALIAS_EVENT: return PositionedNode(range: place, isFlow: false, content: .alias)
    case YAML_SEQUENCE_START_EVENT:
      var items: [PositionedNode] = []
      try events.advance()
      while events.kind != YAML_SEQUENCE_END_EVENT {
        items.append(try node(depth: depth + 1))
        try events.advance()
      }
      return PositionedNode(range: start..<place.upperBound, isFlow: isFlow, content: .items(items))
    case YAML_MAPPING_START_EVENT:
      var members: [PositionedNode.Member] = []
      try events.advance()
      while events.kind != YAML_MAPPING_END_EVENT {
        let key = keyText()
        let keyNode = try node(depth: depth + 1)
        try events.advance()
        let value = try node(depth: depth + 1)
        members.append(.init(key: key, keyRange: keyNode.range, node: value))
        try events.advance()
      }
      return PositionedNode(
        range: start..<place.upperBound, isFlow: isFlow, content: .members(.init(members)))
    default:
      return PositionedNode(range: place, isFlow: false, content: .leaf)
    }
  }

  /// The name that `YAMLReader` gives the key at the current event.
  private func keyText() -> String {
    guard events.kind == YAML_SCALAR_EVENT else { return "" }
    let text = String(decoding: events.scalar, as: UTF8.self)
    guard events.isPlain, events.tag == nil else { return text }
    let value = YAMLScalar.value(events.scalar)
    return value.quotable ? value.text() : text
  }

  private var place: Range<Int> {
    let scalars = events.place
    guard let bytesOfScalars else {
      return min(scalars.lowerBound, byteCount)..<min(scalars.upperBound, byteCount)
    }
    func byte(_ scalar: Int) -> Int { scalar < bytesOfScalars.count ? bytesOfScalars[scalar] : byteCount }
    return byte(scalars.lowerBound)..<byte(scalars.upperBound)
  }
}
