import CLibyaml
import Values

/// One document of a YAML stream.
struct YAMLDocument {
  /// Its index in the stream, from 0; empty documents count.
  var index: Int
  var json: JSON
  /// The issues that did not prevent reading it to its end.
  var issues: [FileIssue]
}

/// Builds trees from libyaml's events. The bytes must outlive it.
struct YAMLReader: ~Copyable {
  private struct Anchor {
    var value: JSON
    var nodes: Int
    var bytes: Int
    /// The levels of nesting below the anchor, including itself.
    var height: Int
  }

  /// The maximum number of issues; a malicious file could have one per byte. Beyond it the rest of the file is not
  /// read.
  private static let issueLimit = 50

  private var events: YAMLEvents
  private let limits: ManifestLimits
  private var index = -1
  private var issues: [FileIssue] = []
  private var issueCount = 0
  private var anchors: [String: Anchor] = [:]
  private var openAnchors: Set<String> = []
  private var nodes = 0
  private var keys = 0
  private var bytes = 0
  private var deepest = 0

  /// The number of values that were read, without keys.
  var valueCount: Int { nodes - keys }

  init(_ bytes: UnsafeRawBufferPointer, limits: ManifestLimits) throws(FileIssue) {
    events = try YAMLEvents(bytes)
    self.limits = limits
  }

  /// The next non-empty document; nil at the end of the stream, or after too many issues.
  /// - Throws: The issue that makes the rest of the file unreadable.
  mutating func next() throws(FileIssue) -> YAMLDocument? {
    if index < 0 { try events.advance() }  // the start of the stream
    while issueCount < Self.issueLimit {
      try events.advance()
      guard events.kind == YAML_DOCUMENT_START_EVENT else { return nil }
      index += 1
      issues = []
      anchors = [:]
      openAnchors = []
      try events.advance()
      let json = try node(depth: 0)
      try events.advance()
      issueCount += issues.count
      if !json.isNull || !issues.isEmpty { return YAMLDocument(index: index, json: json, issues: issues) }
    }
    return nil
  }

  // MARK: Nodes

  /// Parses the node that begins with the current event; its last event is then the current one.
  private mutating func node(depth: Int) throws(FileIssue) -> JSON {
    if events.kind == YAML_ALIAS_EVENT { return try alias(depth: depth) }
    try count(nodes: 1, bytes: 0)
    deepest = max(deepest, depth)
    guard let name = events.anchor else { return try content(depth: depth) }
    let before = (nodes: nodes, bytes: bytes, deepest: deepest)
    deepest = depth
    openAnchors.insert(name)
    let value = try content(depth: depth)
    openAnchors.remove(name)
    anchors[name] = Anchor(
      value: value, nodes: nodes - before.nodes + 1, bytes: bytes - before.bytes, height: deepest - depth)
    deepest = max(deepest, before.deepest)
    return value
  }

  private mutating func content(depth: Int) throws(FileIssue) -> JSON {
    switch events.kind {
    case YAML_MAPPING_START_EVENT: return try mapping(depth: depth + 1)
    case YAML_SEQUENCE_START_EVENT: return try sequence(depth: depth + 1)
    default:
      let scalar = events.scalar
      try count(nodes: 0, bytes: scalar.count)
      return scalarValue()
    }
  }

  private mutating func sequence(depth: Int) throws(FileIssue) -> JSON {
    try enter(depth, tag: "tag:yaml.org,2002:seq")
    var items: [JSON] = []
    try events.advance()
    while events.kind != YAML_SEQUENCE_END_EVENT {
      // The first item gets storage for one item only, because most of the memory of a small list is its storage.
      if items.count == 1 { items.reserveCapacity(4) }
      items.append(try node(depth: depth))
      try events.advance()
    }
    return .array(items)
  }

  private mutating func mapping(depth: Int) throws(FileIssue) -> JSON {
    try enter(depth, tag: "tag:yaml.org,2002:map")
    var members = JSON.Members()
    // The first member gets storage for one member only, because most of the memory of a small mapping is its
    // storage.
    var first: (name: String, value: JSON)?
    var merged: [JSON.Members] = []
    try events.advance()
    while events.kind != YAML_MAPPING_END_EVENT {
      let place = events.place
      let key = try key(depth: depth)
      try events.advance()
      let value = try node(depth: depth)
      switch key {
      case .name(let name):
        keys += 1
        if members.isEmpty {
          guard let one = first else {
            first = (name, value)
            break
          }
          members = JSON.Members(minimumCapacity: 4)
          members.updateValue(one.value, forKey: one.name)
          first = nil
        }
        if members.updateValue(value, forKey: name) != nil {
          report(
            FileRule.duplicateKey, place, "the key \"\(name.shortened())\" is given twice in one mapping",
            hint: "keep one of the two")
        }
      case .merge: merged += sources(of: value, place: place)
      case .unusable: break
      }
      try events.advance()
    }
    if let first { members = JSON.Members(only: first.value, named: first.name) }
    // Members of the mapping itself override merged ones, and earlier sources override later ones.
    for source in merged {
      for (key, value) in source where members[key] == nil { members[key] = value }
    }
    return .object(members)
  }

  private mutating func enter(_ depth: Int, tag expected: String) throws(FileIssue) {
    deepest = max(deepest, depth)
    guard depth <= limits.depth else { throw tooDeep() }
    if let tag = events.tag, tag != "!", tag != expected { reportTag(tag) }
  }

  // MARK: Keys

  private enum Key {
    case name(String)
    case merge
    case unusable
  }

  private mutating func key(depth: Int) throws(FileIssue) -> Key {
    let place = events.place
    if events.kind == YAML_SCALAR_EVENT, events.isMergeKey { return .merge }
    let value = try node(depth: depth)
    switch value {
    case .string(let name): return .name(name)
    // As kubectl does, so that `1: a` is the member "1" and `yes: a` the member "true".
    case .bool, .integer, .number: return .name(value.text())
    case .null, .array, .object:
      report(
        FileRule.syntax, place, "a key must be a string, not \(value.isNull ? "empty" : "a collection")",
        hint: "write the key in quotes")
      return .unusable
    }
  }

  private mutating func sources(of value: JSON, place: Range<Int>) -> [JSON.Members] {
    if let members = value.object { return [members] }
    let members = value.array?.compactMap(\.object) ?? []
    if members.isEmpty || members.count != value.array?.count {
      report(FileRule.syntax, place, "the merge key << takes a mapping or a list of mappings", hint: nil)
    }
    return members
  }

  // MARK: Scalars

  private mutating func scalarValue() -> JSON {
    if let tag = events.tag { return tagged(tag) }
    guard events.isPlain else { return .string(String(decoding: events.scalar, as: UTF8.self)) }
    let value = YAMLScalar.value(events.scalar)
    if case .number(let number) = value, !number.isFinite {
      report(
        FileRule.syntax, events.place, "a number must be finite, since JSON has no other",
        hint: "write it in quotes if a string is meant")
      return .null
    }
    return value
  }

  private mutating func tagged(_ tag: String) -> JSON {
    let value = YAMLScalar.value(events.scalar)
    switch (tag, value) {
    case ("!", _), ("tag:yaml.org,2002:str", _), ("tag:yaml.org,2002:timestamp", _):
      return .string(String(decoding: events.scalar, as: UTF8.self))
    case ("tag:yaml.org,2002:int", .integer), ("tag:yaml.org,2002:bool", .bool),
      ("tag:yaml.org,2002:null", .null):
      return value
    case ("tag:yaml.org,2002:float", .integer(let number)): return .number(Double(number))
    case ("tag:yaml.org,2002:float", .number(let number)) where number.isFinite: return value
    default:
      reportTag(tag)
      return .null
    }
  }

  // MARK: Aliases and limits

  private mutating func alias(depth: Int) throws(FileIssue) -> JSON {
    let name = events.anchor ?? ""
    guard let anchor = anchors[name], !openAnchors.contains(name) else {
      let isOpen = openAnchors.contains(name)
      report(
        FileRule.syntax, events.place,
        isOpen
          ? "the alias *\(name.shortened()) is inside the value that it refers to"
          : "the alias *\(name.shortened()) refers to no anchor",
        hint: isOpen ? nil : "mark the value with &\(name.shortened()) before it is used")
      return .null
    }
    try count(nodes: anchor.nodes, bytes: anchor.bytes)
    guard depth + anchor.height <= limits.depth else { throw tooDeep() }
    deepest = max(deepest, depth + anchor.height)
    return anchor.value
  }

  private mutating func count(nodes more: Int, bytes moreBytes: Int) throws(FileIssue) {
    nodes += more
    bytes += moreBytes
    guard nodes <= limits.nodes, bytes <= limits.expandedBytes else {
      throw FileIssue(
        rule: FileRule.limit, place: .scalars(events.place),
        message: nodes > limits.nodes
          ? "the file holds more than \(limits.nodes) values once its aliases are expanded"
          : "the file holds more than \(limits.expandedBytes >> 20) MiB of text once its aliases are expanded",
        hint: "split the file, or write out fewer aliases")
    }
  }

  private func tooDeep() -> FileIssue {
    FileIssue(
      rule: FileRule.limit, place: .scalars(events.place),
      message: "the file is nested more than \(limits.depth) levels deep", hint: nil)
  }

  private mutating func reportTag(_ tag: String) {
    report(
      FileRule.syntax, events.place,
      "the tag \(tag.shortened()) does not go with this value, or has no meaning in JSON",
      hint: "remove the tag")
  }

  private mutating func report(_ rule: String, _ place: Range<Int>, _ message: String, hint: String?) {
    guard issues.count < Self.issueLimit else { return }
    issues.append(FileIssue(rule: rule, place: .scalars(place), message: message, hint: hint))
  }
}
