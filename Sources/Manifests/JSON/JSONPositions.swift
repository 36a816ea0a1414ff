import Values

/// Parses JSON for the places of its values. The text has been parsed before, so an error only ends the scan.
struct JSONPositions {
  private struct Unreadable: Error {}

  private let bytes: UnsafeRawBufferPointer
  private let limits: ManifestLimits
  private var position = 0

  private init(_ bytes: UnsafeRawBufferPointer, limits: ManifestLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// The one document of a JSON file; empty if it cannot be read.
  static func documents(_ bytes: UnsafeRawBufferPointer, limits: ManifestLimits) -> [Int: PositionedNode] {
    var reader = JSONPositions(bytes, limits: limits)
    guard let root = try? reader.node(depth: 0) else { return [:] }
    return [0: root]
  }

  private mutating func node(depth: Int) throws(Unreadable) -> PositionedNode {
    guard depth <= limits.depth else { throw Unreadable() }
    skipSpace()
    let start = position
    let content: PositionedNode.Content
    switch try current() {
    case UInt8(ascii: "{"): content = .members(.init(try members(depth: depth)))
    case UInt8(ascii: "["): content = .items(try items(depth: depth))
    case UInt8(ascii: "\""):
      try skipString()
      content = .leaf
    default:
      while position < bytes.count, !isDelimiter(bytes[position]) { position += 1 }
      guard position > start else { throw Unreadable() }
      content = .leaf
    }
    return PositionedNode(range: start..<position, isFlow: true, content: content)
  }

  private mutating func members(depth: Int) throws(Unreadable) -> [PositionedNode.Member] {
    var members: [PositionedNode.Member] = []
    position += 1
    while try !ends(with: UInt8(ascii: "}")) {
      let start = position
      try skipString()
      let keyRange = start..<position
      skipSpace()
      guard try current() == UInt8(ascii: ":") else { throw Unreadable() }
      position += 1
      let key = (try? JSON.parse(UnsafeRawBufferPointer(rebasing: bytes[keyRange])))?.string ?? ""
      members.append(.init(key: key, keyRange: keyRange, node: try node(depth: depth + 1)))
    }
    return members
  }

  private mutating func items(depth: Int) throws(Unreadable) -> [PositionedNode] {
    var items: [PositionedNode] = []
    position += 1
    while try !ends(with: UInt8(ascii: "]")) { items.append(try node(depth: depth + 1)) }
    return items
  }

  /// Whether a collection ends here; otherwise moves to its next element.
  private mutating func ends(with bracket: UInt8) throws(Unreadable) -> Bool {
    skipSpace()
    if try current() == UInt8(ascii: ",") {
      position += 1
      skipSpace()
    }
    guard try current() == bracket else { return false }
    position += 1
    return true
  }

  private mutating func skipString() throws(Unreadable) {
    guard try current() == UInt8(ascii: "\"") else { throw Unreadable() }
    position += 1
    while try current() != UInt8(ascii: "\"") { position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1 }
    position += 1
  }

  private mutating func skipSpace() {
    while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
  }

  private func current() throws(Unreadable) -> UInt8 {
    guard position < bytes.count else { throw Unreadable() }
    return bytes[position]
  }

  private func isDelimiter(_ byte: UInt8) -> Bool {
    byte <= 0x20 || ",:[]{}\"".utf8.contains(byte)
  }
}
