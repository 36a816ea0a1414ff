extension JSON {
  /// The maximum nesting depth of arrays and objects unless the caller sets another.
  public static let defaultDepthLimit = 64

  /// Parses exactly one JSON value (RFC 8259, strictly) from UTF-8.
  ///
  /// An integer that fits 64 bits becomes `.integer`, every other number `.number`.
  /// - Throws: `JSONSyntaxError` at the first error. Any bytes are accepted as input.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, depthLimit: Int = defaultDepthLimit, nodeLimit: Int = .max
  ) throws(JSONSyntaxError) -> JSON {
    try parseCounting(bytes, depthLimit: depthLimit, nodeLimit: nodeLimit).json
  }

  /// Parses exactly one JSON value from UTF-8, and counts all values in it.
  public static func parseCounting(
    _ bytes: UnsafeRawBufferPointer, depthLimit: Int = defaultDepthLimit, nodeLimit: Int = .max
  ) throws(JSONSyntaxError) -> (json: JSON, valueCount: Int) {
    var parser = JSONParser(bytes: bytes, depthLimit: depthLimit, nodeLimit: nodeLimit)
    return (try parser.wholeText(), parser.nodes)
  }

  /// Parses exactly one JSON value from UTF-8 bytes.
  ///
  /// - Parameter nodeLimit: the maximum number of values in all; a value takes up to a hundred times its bytes in
  ///   memory.
  public static func parse(
    _ bytes: some Sequence<UInt8>, depthLimit: Int = defaultDepthLimit, nodeLimit: Int = .max
  ) throws(JSONSyntaxError) -> JSON {
    // Typed errors do not pass through `withContiguousStorageIfAvailable`, so they are returned as a value.
    let direct = bytes.withContiguousStorageIfAvailable { storage in
      outcome(UnsafeRawBufferPointer(storage), depthLimit, nodeLimit)
    }
    if let direct { return try direct.get() }
    let copy = Array(bytes)
    return try copy.withUnsafeBytes { outcome($0, depthLimit, nodeLimit) }.get()
  }

  /// Parses exactly one JSON value from text.
  public static func parse(
    _ text: String, depthLimit: Int = defaultDepthLimit
  ) throws(JSONSyntaxError) -> JSON {
    try parse(text.utf8, depthLimit: depthLimit)
  }

  private static func outcome(
    _ bytes: UnsafeRawBufferPointer, _ depthLimit: Int, _ nodeLimit: Int
  ) -> Result<JSON, JSONSyntaxError> {
    do throws(JSONSyntaxError) {
      return .success(try parse(bytes, depthLimit: depthLimit, nodeLimit: nodeLimit))
    } catch {
      return .failure(error)
    }
  }
}

/// A recursive-descent parser. The bytes must outlive it.
struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let depthLimit: Int
  var position = 0
  private var depth = 0
  private let nodeLimit: Int
  private(set) var nodes = 0

  init(bytes: UnsafeRawBufferPointer, depthLimit: Int, nodeLimit: Int) {
    self.bytes = bytes.assumingMemoryBound(to: UInt8.self)
    self.depthLimit = depthLimit
    self.nodeLimit = nodeLimit
  }

  mutating func wholeText() throws(JSONSyntaxError) -> JSON {
    try refuseForeignEncodings()
    skipSpace()
    let value = try value()
    skipSpace()
    guard position == bytes.count else {
      throw failure("nothing may follow the value, but \(found()) does")
    }
    return value
  }

  // MARK: Values

  private mutating func value() throws(JSONSyntaxError) -> JSON {
    guard position < bytes.count else { throw failure("the text ends where a value is expected") }
    nodes += 1
    guard nodes <= nodeLimit else {
      throw failure("the file holds more than \(nodeLimit) values", kind: .limit)
    }
    switch bytes[position] {
    case UInt8(ascii: "\""):
      return .string(try string())
    case UInt8(ascii: "{"):
      return try object()
    case UInt8(ascii: "["):
      return try array()
    case UInt8(ascii: "t"):
      try word("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try word("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try word("null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return try number()
    default:
      throw failure("a value is expected, but there is \(found())")
    }
  }

  // Most of the memory of a small array or object is its storage. So storage for one element is reserved first, and
  // for four when there is a second one.

  private mutating func object() throws(JSONSyntaxError) -> JSON {
    try enter()
    skipSpace()
    if take(UInt8(ascii: "}")) {
      depth -= 1
      return .object([:])
    }
    var next = try member()
    skipSpace()
    if take(UInt8(ascii: "}")) {
      depth -= 1
      return .object(JSON.Members(only: next.value, named: next.name))
    }
    var members = JSON.Members(minimumCapacity: 4)
    while true {
      if members.updateValue(next.value, forKey: next.name) != nil {
        throw JSONSyntaxError(
          kind: .duplicateKey, offset: next.start,
          message: "the member \"\(next.name)\" is given twice in one object")
      }
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
        next = try member()
        continue
      }
      guard take(UInt8(ascii: "}")) else {
        throw failure("a comma or a closing brace is expected, but there is \(found())")
      }
      depth -= 1
      return .object(members)
    }
  }

  private mutating func member() throws(JSONSyntaxError) -> (start: Int, name: String, value: JSON) {
    let start = position
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      throw failure("a member's name in double quotes is expected, but there is \(found())")
    }
    let name = try string()
    skipSpace()
    guard take(UInt8(ascii: ":")) else {
      throw failure("a colon is expected after a member's name, but there is \(found())")
    }
    skipSpace()
    return (start, name, try value())
  }

  private mutating func array() throws(JSONSyntaxError) -> JSON {
    try enter()
    skipSpace()
    if take(UInt8(ascii: "]")) {
      depth -= 1
      return .array([])
    }
    let first = try value()
    skipSpace()
    if take(UInt8(ascii: "]")) {
      depth -= 1
      return .array([first])
    }
    var items: [JSON] = []
    items.reserveCapacity(4)
    items.append(first)
    while true {
      if take(UInt8(ascii: ",")) {
        skipSpace()
        items.append(try value())
        skipSpace()
        continue
      }
      guard take(UInt8(ascii: "]")) else {
        throw failure("a comma or a closing bracket is expected, but there is \(found())")
      }
      depth -= 1
      return .array(items)
    }
  }

  // MARK: Bytes

  private mutating func enter() throws(JSONSyntaxError) {
    guard depth < depthLimit else {
      throw failure("the value is nested more than \(depthLimit) levels deep", kind: .limit)
    }
    depth += 1
    position += 1
  }

  private mutating func word(_ word: StaticString) throws(JSONSyntaxError) {
    let length = word.utf8CodeUnitCount
    guard bytes.count - position >= length,
      UnsafeBufferPointer(start: word.utf8Start, count: length)
        .elementsEqual(bytes[position..<position + length])
    else { throw failure("a value is expected, but there is an unknown word") }
    position += length
  }

  @inline(__always)
  mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  @inline(__always)
  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// Rejects other encodings than UTF-8 without a byte order mark (RFC 8259 §8.1).
  private func refuseForeignEncodings() throws(JSONSyntaxError) {
    guard bytes.count >= 2 else { return }
    let first = (bytes[0], bytes[1])
    if first == (0xFE, 0xFF) || first == (0xFF, 0xFE) || first.0 == 0 || first.1 == 0 {
      throw JSONSyntaxError(kind: .encoding, offset: 0, message: "the text is UTF-16 or UTF-32, not UTF-8")
    }
    if bytes.count >= 3, first == (0xEF, 0xBB), bytes[2] == 0xBF {
      throw JSONSyntaxError(kind: .encoding, offset: 0, message: "the text begins with a byte order mark")
    }
  }

  // MARK: Error messages

  func failure(_ message: String, kind: JSONSyntaxError.Kind = .syntax) -> JSONSyntaxError {
    JSONSyntaxError(kind: kind, offset: position, message: message)
  }

  /// A description of the input at the current position, safe to print.
  func found() -> String {
    guard position < bytes.count else { return "the end of the text" }
    return switch bytes[position] {
    case UInt8(ascii: "\""): "a string"
    case UInt8(ascii: "'"): "a single quote"
    case 0x21...0x7E: "\"\(Character(Unicode.Scalar(bytes[position])))\""
    case 0x80...: "a character outside ASCII"
    default: "a control character"
    }
  }
}
