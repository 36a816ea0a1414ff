extension JSON {
  /// The value as JSON text in UTF-8.
  ///
  /// With sorted keys the bytes depend only on the value, so that they can be hashed and compared. A number without a
  /// fraction is written as an integer, whether it is stored as one or not; a number that JSON cannot express
  /// (infinite or not a number) becomes `null`.
  /// - Parameters:
  ///   - pretty: Indent by two spaces per level, with one member per line; otherwise write no spaces.
  ///   - sortedKeys: Sort members by name instead of keeping their original order.
  public func serialized(pretty: Bool = false, sortedKeys: Bool = false) -> [UInt8] {
    var writer = JSONWriter(pretty: pretty, sortedKeys: sortedKeys)
    writer.write(self)
    return writer.output
  }

  /// The value as JSON text.
  public func text(pretty: Bool = false, sortedKeys: Bool = false) -> String {
    String(decoding: serialized(pretty: pretty, sortedKeys: sortedKeys), as: UTF8.self)
  }
}

struct JSONWriter {
  let pretty: Bool
  let sortedKeys: Bool
  private(set) var output: [UInt8] = []
  private var level = 0

  init(pretty: Bool, sortedKeys: Bool) {
    self.pretty = pretty
    self.sortedKeys = sortedKeys
    output.reserveCapacity(512)
  }

  mutating func write(_ value: JSON) {
    switch value {
    case .null: append("null")
    case .bool(true): append("true")
    case .bool(false): append("false")
    case .integer(let value): write(integer: value)
    case .number(let value): write(number: value)
    case .string(let value): write(string: value)
    case .array(let items): write(items: items)
    case .object(let members): write(members: members)
    }
  }

  private mutating func write(items: [JSON]) {
    guard !items.isEmpty else { return append("[]") }
    output.append(UInt8(ascii: "["))
    level += 1
    var isFirst = true
    for item in items {
      separate(isFirst)
      isFirst = false
      write(item)
    }
    close(UInt8(ascii: "]"))
  }

  private mutating func write(members: JSON.Members) {
    guard !members.isEmpty else { return append("{}") }
    output.append(UInt8(ascii: "{"))
    level += 1
    var isFirst = true
    func member(_ key: String, _ value: JSON) {
      separate(isFirst)
      isFirst = false
      write(string: key)
      append(pretty ? ": " : ":")
      write(value)
    }
    if sortedKeys {
      for (key, value) in members.sorted(by: { $0.key.sortsExactly(before: $1.key) }) { member(key, value) }
    } else {
      for (key, value) in members { member(key, value) }
    }
    close(UInt8(ascii: "}"))
  }

  private mutating func separate(_ isFirst: Bool) {
    if !isFirst { output.append(UInt8(ascii: ",")) }
    if pretty { newLine() }
  }

  private mutating func close(_ bracket: UInt8) {
    level -= 1
    if pretty { newLine() }
    output.append(bracket)
  }

  private mutating func newLine() {
    output.append(UInt8(ascii: "\n"))
    output.append(contentsOf: repeatElement(0x20, count: level * 2))
  }

  private mutating func append(_ text: StaticString) {
    output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  // MARK: Numbers

  private mutating func write(integer: Int64) {
    if (0..<10).contains(integer) { return output.append(UInt8(ascii: "0") + UInt8(integer)) }
    output.append(contentsOf: String(integer).utf8)
  }

  private mutating func write(number: Double) {
    if let whole = Int64(exactly: number) { return write(integer: whole) }
    guard number.isFinite else { return append("null") }
    output.append(contentsOf: number.description.utf8)
  }

  // MARK: Strings

  private mutating func write(string: String) {
    output.append(UInt8(ascii: "\""))
    var text = string
    text.withUTF8 { bytes in
      var runStart = 0
      for index in bytes.indices where Self.needsEscape(bytes[index]) {
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
        write(escaped: bytes[index])
        runStart = index + 1
      }
      output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart...]))
    }
    output.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
  }

  private mutating func write(escaped byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case 0x0A: append("\\n")
    case 0x0D: append("\\r")
    case 0x09: append("\\t")
    default:
      append("\\u00")
      for digit in [byte >> 4, byte & 0xF] {
        output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      }
    }
  }
}
