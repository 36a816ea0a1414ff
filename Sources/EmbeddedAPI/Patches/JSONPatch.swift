import Values

/// A JSON patch (RFC 6902).
struct JSONPatch: Sendable {
  private enum Operation: Sendable {
    case add(JSON)
    case remove
    case replace(JSON)
    case test(JSON)
    case move(from: [String])
    case copy(from: [String])
  }

  private var operations: [(path: [String], operation: Operation)] = []

  /// The number of operations that are accepted, as in Kubernetes.
  static let limit = 10_000
  /// The size of all copied values together, in values and bytes of text: each copy can double the object.
  static let copyLimit = 1 << 20

  init(_ json: JSON) throws(APIFailure) {
    guard let items = json.array, items.count <= Self.limit else {
      throw .badRequest("a JSON patch is a list of at most \(Self.limit) operations")
    }
    for item in items {
      guard let path = item["path"]?.string.flatMap(Self.pointer) else {
        throw .badRequest("an operation of the JSON patch has no valid path")
      }
      operations.append((path, try Self.operation(item)))
    }
  }

  private static func operation(_ item: JSON) throws(APIFailure) -> Operation {
    let value = item["value"]
    let from = item["from"]?.string.flatMap(pointer)
    switch (item["op"]?.string, value, from) {
    case ("add", let value?, _): return .add(value)
    case ("replace", let value?, _): return .replace(value)
    case ("test", let value?, _): return .test(value)
    case ("remove", _, _): return .remove
    case ("move", _, let from?): return .move(from: from)
    case ("copy", _, let from?): return .copy(from: from)
    default: throw .badRequest("an operation of the JSON patch is unknown or incomplete: \(item.text())")
    }
  }

  func applied(to document: JSON) throws(APIFailure) -> JSON {
    var result = document
    var copied = 0
    for (path, operation) in operations {
      switch operation {
      case .add(let value): result = try Self.add(value, to: result, path[...])
      case .replace(let value):
        try Self.require(result, path)
        result = try Self.replace(result, path[...], with: value)
      case .remove:
        try Self.require(result, path)
        result = try Self.remove(result, path[...])
      case .test(let value):
        guard Self.value(result, path) == value else { throw Self.failure("test failed", path) }
      case .move(let from):
        let value = try Self.require(result, from)
        guard !path.starts(with: from) || path == from else { throw Self.failure("moves into itself", path) }
        result = try Self.remove(result, from[...])
        result = try Self.add(value, to: result, path[...])
      case .copy(let from):
        let value = try Self.require(result, from)
        guard Self.count(value, into: &copied) else { throw Self.failure("too much is copied", path) }
        result = try Self.add(value, to: result, path[...])
      }
    }
    return result
  }

  // MARK: Implementation

  /// Adds the size of a value.
  /// - Returns: false, without looking at the rest of the value, once the limit is exceeded.
  private static func count(_ json: JSON, into size: inout Int) -> Bool {
    size += 1
    switch json {
    case .string(let text): size += text.utf8.count
    case .array(let items):
      for item in items where !count(item, into: &size) { return false }
    case .object(let members):
      for (key, value) in members {
        size += key.utf8.count
        guard count(value, into: &size) else { return false }
      }
    default: break
    }
    return size <= copyLimit
  }

  /// The steps of a JSON pointer (RFC 6901); nil if it is malformed.
  static func pointer(_ text: String) -> [String]? {
    if text.isEmpty { return [] }
    guard text.utf8.first == UInt8(ascii: "/") else { return nil }
    let steps = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return steps.dropFirst().map(unescaped)
  }

  /// `~1` is a slash, and `~0` a tilde.
  private static func unescaped(_ step: Substring.UTF8View) -> String {
    var result: [UInt8] = []
    var bytes = step.makeIterator()
    while let byte = bytes.next() {
      guard byte == UInt8(ascii: "~") else {
        result.append(byte)
        continue
      }
      switch bytes.next() {
      case UInt8(ascii: "1"): result.append(UInt8(ascii: "/"))
      case UInt8(ascii: "0"): result.append(byte)
      case let other: result += [byte] + (other.map { [$0] } ?? [])
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func value(_ json: JSON, _ path: [String]) -> JSON? {
    var value: JSON? = json
    for step in path {
      switch value {
      case .array: value = index(step).flatMap { value?[$0] }
      case .object: value = value?[step]
      default: return nil
      }
    }
    return value
  }

  @discardableResult
  private static func require(_ json: JSON, _ path: [String]) throws(APIFailure) -> JSON {
    guard let found = value(json, path) else { throw failure("there is nothing", path) }
    return found
  }

  /// Adds a value: a new item of a list is inserted before the one of that index.
  private static func add(
    _ value: JSON, to json: JSON, _ path: ArraySlice<String>
  ) throws(APIFailure) -> JSON {
    guard let step = path.first else { return value }
    let rest = path.dropFirst()
    switch json {
    case .object(var members):
      if rest.isEmpty {
        members[step] = value
      } else {
        guard let inner = members[step] else { throw failure("there is nothing", Array(path)) }
        members[step] = try add(value, to: inner, rest)
      }
      return .object(members)
    case .array(var items):
      if rest.isEmpty {
        guard let at = step == "-" ? items.count : index(step), at <= items.count else {
          throw failure("there is no such index", Array(path))
        }
        items.insert(value, at: at)
      } else {
        guard let at = index(step), items.indices.contains(at) else {
          throw failure("there is no such index", Array(path))
        }
        items[at] = try add(value, to: items[at], rest)
      }
      return .array(items)
    default: throw failure("there is nothing", Array(path))
    }
  }

  private static func replace(
    _ json: JSON, _ path: ArraySlice<String>, with value: JSON
  ) throws(APIFailure) -> JSON {
    guard let step = path.first else { return value }
    switch json {
    case .object(var members):
      guard let inner = members[step] else { throw failure("there is nothing", Array(path)) }
      members[step] = try replace(inner, path.dropFirst(), with: value)
      return .object(members)
    case .array(var items):
      guard let at = index(step), items.indices.contains(at) else {
        throw failure("there is no such index", Array(path))
      }
      items[at] = try replace(items[at], path.dropFirst(), with: value)
      return .array(items)
    default: throw failure("there is nothing", Array(path))
    }
  }

  private static func remove(_ json: JSON, _ path: ArraySlice<String>) throws(APIFailure) -> JSON {
    guard let step = path.first else { return .null }
    let rest = path.dropFirst()
    switch json {
    case .object(var members):
      if rest.isEmpty {
        members.removeValue(forKey: step)
      } else if let inner = members[step] {
        members[step] = try remove(inner, rest)
      }
      return .object(members)
    case .array(var items):
      guard let at = index(step), items.indices.contains(at) else {
        throw failure("there is no such index", Array(path))
      }
      if rest.isEmpty { items.remove(at: at) } else { items[at] = try remove(items[at], rest) }
      return .array(items)
    default: throw failure("there is nothing", Array(path))
    }
  }

  private static func index(_ step: String) -> Int? {
    guard !step.isEmpty, step.utf8.count <= 9, step.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return Int(step)
  }

  private static func failure(_ what: String, _ path: [String]) -> APIFailure {
    APIFailure(422, "Invalid", "the JSON patch cannot be applied: \(what) at /\(path.joined(separator: "/"))")
  }
}
