import CLibyaml

/// The events of one YAML stream. Owns a libyaml parser and its current event.
///
/// The bytes must outlive it.
struct YAMLEvents: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let event: UnsafeMutablePointer<yaml_event_t>

  init(_ bytes: UnsafeRawBufferPointer) throws(FileIssue) {
    parser = .allocate(capacity: 1)
    event = .allocate(capacity: 1)
    event.initialize(to: yaml_event_t())
    parser.initialize(to: yaml_parser_t())
    guard yaml_parser_initialize(parser) == 1 else { throw YAMLProblem.outOfMemory }
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    yaml_parser_set_input_string(parser, start, bytes.count)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
  }

  deinit {
    yaml_event_delete(event)
    yaml_parser_delete(parser)
    event.deallocate()
    parser.deallocate()
  }

  /// Moves to the next event; the current one is then invalid.
  mutating func advance() throws(FileIssue) {
    yaml_event_delete(event)
    guard yaml_parser_parse(parser, event) == 1 else { throw YAMLProblem.issue(of: parser.pointee) }
  }

  var kind: yaml_event_type_t { event.pointee.type }

  /// The range of the current event, in Unicode scalars from the beginning.
  var place: Range<Int> {
    let start = event.pointee.start_mark.index
    return start..<max(start, event.pointee.end_mark.index)
  }

  // MARK: Scalars

  /// The content of the current scalar, valid until `advance()`.
  var scalar: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: event.pointee.data.scalar.value, count: event.pointee.data.scalar.length)
  }

  /// Whether the current scalar is written without quotes and without `|` or `>`.
  var isPlain: Bool { event.pointee.data.scalar.style == YAML_PLAIN_SCALAR_STYLE }

  /// Whether the current scalar is the key `<<`.
  var isMergeKey: Bool {
    let text = scalar
    return text.count == 2 && text[0] == UInt8(ascii: "<") && text[1] == UInt8(ascii: "<") && isPlain
  }

  // MARK: Collections, anchors, tags

  /// Whether the current collection is written with brackets or braces.
  var isFlow: Bool {
    switch kind {
    case YAML_MAPPING_START_EVENT: event.pointee.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
    case YAML_SEQUENCE_START_EVENT: event.pointee.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
    default: false
    }
  }

  /// The anchor of the current node, or the one that the current alias refers to.
  var anchor: String? {
    let name =
      switch kind {
      case YAML_SCALAR_EVENT: event.pointee.data.scalar.anchor
      case YAML_MAPPING_START_EVENT: event.pointee.data.mapping_start.anchor
      case YAML_SEQUENCE_START_EVENT: event.pointee.data.sequence_start.anchor
      case YAML_ALIAS_EVENT: event.pointee.data.alias.anchor
      default: UnsafeMutablePointer<yaml_char_t>?.none
      }
    return name.map { String(cString: $0) }
  }

  /// The explicit tag of the current node.
  var tag: String? {
    let tag =
      switch kind {
      case YAML_SCALAR_EVENT: event.pointee.data.scalar.tag
      case YAML_MAPPING_START_EVENT: event.pointee.data.mapping_start.tag
      case YAML_SEQUENCE_START_EVENT: event.pointee.data.sequence_start.tag
      default: UnsafeMutablePointer<yaml_char_t>?.none
      }
    return tag.map { String(cString: $0) }
  }
}
