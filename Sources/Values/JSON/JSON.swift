/// One JSON value: the representation of every object in files, in the API and in the store.
///
/// Members keep their original order, so that output looks like the input; equality ignores the order, because it has
/// no meaning in JSON. Strings are equal if their bytes are.
public enum JSON: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSON])
  case object(Members)
}

extension JSON: Hashable {
  public static func == (left: JSON, right: JSON) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.integer(let a), .number(let b)), (.number(let b), .integer(let a)): Double(a) == b
    case (.string(let a), .string(let b)): a.isExactly(b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .integer(let value): hasher.combine(Double(value))
    case .number(let value): hasher.combine(value)
    case .string(let value): hasher.combine(ExactString(value))
    case .array(let items): hasher.combine(items)
    case .object(let members):
      var sum = 0
      for (key, value) in members {
        var one = Hasher()
        one.combine(ExactString(key))
        one.combine(value)
        sum &+= one.finalize()
      }
      hasher.combine(sum)
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(nilLiteral: ()) { self = .null }
  /// If a key is repeated, the last value is used.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(
      Members(elements.lazy.map { (key: $0.0, value: $0.1) }, uniquingKeysWith: { _, last in last }))
  }
}

extension JSON {
  /// The member of that name; nil if this is not an object or has no such member. Setting nil removes the member;
  /// setting a member of any other value turns the value into an object.
  public subscript(key: String) -> JSON? {
    get {
      guard case .object(let members) = self else { return nil }
      return members[key]
    }
    set {
      guard case .object(var members) = self else {
        if let newValue { self = .object([key: newValue]) }
        return
      }
      self = .null  // releases the storage, so that it is changed in place
      members[key] = newValue
      self = .object(members)
    }
  }

  /// The element at that index; nil if this is not an array or the index is out of range.
  public subscript(index: Int) -> JSON? {
    guard case .array(let items) = self, items.indices.contains(index) else { return nil }
    return items[index]
  }

  /// The value at a path below this one; nil if there is none.
  public subscript(path: FieldPath) -> JSON? {
    var value: JSON? = self
    for step in path.steps {
      switch step {
      case .key(let key): value = value?[key]
      case .index(let index): value = value?[index]
      }
    }
    return value
  }

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  public var object: Members? { if case .object(let value) = self { value } else { nil } }
  public var isNull: Bool { if case .null = self { true } else { false } }

  /// The largest integer that all JSON implementations agree on (RFC 8259 §6).
  public static let integerLimit = 1 << 53

  /// The value as an integer; a number without a fraction counts as one.
  ///
  /// Values beyond ±`integerLimit` are reduced to that limit: the number may come from an untrusted source, and
  /// arithmetic on it must not overflow.
  public var integer: Int? {
    switch self {
    case .integer(let value): Int(min(max(value, -Int64(Self.integerLimit)), Int64(Self.integerLimit)))
    case .number(let value) where value.rounded() == value:
      Int(min(max(value, -Double(Self.integerLimit)), Double(Self.integerLimit)))
    default: nil
    }
  }

  /// The default maximum of a count from outside.
  public static let countLimit = Int(Int32.max)

  /// The value as a count, of items, seconds or versions; nil if it is not an integer.
  ///
  /// Values outside of 0 to `limit` become the nearer bound. Within the standard limit, billions of counts can be
  /// added, and any two multiplied, without an overflow.
  public func count(upTo limit: Int = countLimit) -> Int? { integer.map { min(max($0, 0), limit) } }

  /// The members that are strings; nil if this is not an object.
  public var strings: [String: String]? {
    object.map { members in
      var found: [String: String] = [:]
      for (key, value) in members { if let text = value.string { found[key] = text } }
      return found
    }
  }

  /// A string, or null for nil.
  public init(_ value: String?) { self = value.map(JSON.string) ?? .null }
  public init(_ value: Int) { self = .integer(Int64(value)) }
  public init(_ value: [String]) { self = .array(value.map(JSON.string)) }
  /// An object with its members sorted by name.
  public init(_ value: [String: String]) {
    self = .object(
      Members(
        value.sorted { $0.key < $1.key }.lazy.map { (key: $0.key, value: .string($0.value)) },
        uniquingKeysWith: { first, _ in first }))
  }

  /// The type of the value, as JSON Schema names it.
  public var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .integer: "integer"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
