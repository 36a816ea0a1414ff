import TestSupport
import Values

/// A condition of a job or a step, in the syntax that GitLab's `rules: if` and GitHub's `if` share.
struct Condition {
  private var tokens: [Substring]
  private let value: (String) -> JSON
  private let call: (String, [JSON]) -> JSON

  /// - Parameters:
  ///   - value: the value of a name; null if it has none.
  ///   - call: the result of a function.
  /// - Throws: `ToolError` if the text uses syntax that is not supported here.
  static func evaluate(
    _ text: String, value: (String) -> JSON, call: (String, [JSON]) -> JSON = { _, _ in .null }
  ) throws -> JSON {
    try withoutActuallyEscaping(value) { value in
      try withoutActuallyEscaping(call) { call in
        var condition = Condition(text, value, call)
        let result = try condition.either()
        guard condition.tokens.isEmpty else { throw ToolError("not understood: \(text)") }
        return result
      }
    }
  }

  static func isTrue(_ value: JSON) -> Bool {
    switch value {
    case .null, .bool(false), .string(""): false
    default: true
    }
  }

  private init(
    _ text: String, _ value: @escaping (String) -> JSON, _ call: @escaping (String, [JSON]) -> JSON
  ) {
    tokens = text.matches(of: /\$?[A-Za-z_][\w.-]*|'[^']*'|"[^"]*"|[=!]=|&&|\|\||[^\s]/).map(\.0)
    (self.value, self.call) = (value, call)
  }

  private mutating func take(_ token: String) -> Bool {
    guard tokens.first.map(String.init) == token else { return false }
    tokens.removeFirst()
    return true
  }

  private mutating func either() throws -> JSON {
    var left = try both()
    while take("||") {
      let right = try both()
      if !Self.isTrue(left) { left = right }
    }
    return left
  }

  private mutating func both() throws -> JSON {
    var left = try comparison()
    while take("&&") {
      let right = try comparison()
      if Self.isTrue(left) { left = right }
    }
    return left
  }

  private mutating func comparison() throws -> JSON {
    let left = try operand()
    if take("==") { return .bool(left == (try operand())) }
    if take("!=") { return .bool(left != (try operand())) }
    return left
  }

  private mutating func operand() throws -> JSON {
    if take("!") { return .bool(!Self.isTrue(try operand())) }
    if take("(") {
      let inner = try either()
      guard take(")") else { throw ToolError("a bracket is open") }
      return inner
    }
    guard let word = tokens.popFirst(), let first = word.first else { throw ToolError("it ends too early") }
    if first == "'" || first == "\"" { return .string(String(word.dropFirst().dropLast())) }
    guard first == "$" || first == "_" || first.isLetter else { throw ToolError("not understood: \(word)") }
    guard take("(") else { return value(String(word)) }
    var arguments: [JSON] = []
    while !take(")") {
      arguments.append(try either())
      _ = take(",")
      if tokens.isEmpty { throw ToolError("a bracket is open") }
    }
    return call(String(word), arguments)
  }
}

extension [Substring] {
  fileprivate mutating func popFirst() -> Substring? { isEmpty ? nil : removeFirst() }
}
