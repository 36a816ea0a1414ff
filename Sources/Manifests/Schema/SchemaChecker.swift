import Values

/// Validates one object against its schema.
///
/// Most objects are valid, so paths are only built for findings: each level adds its own step to the findings from
/// below it, and messages are assembled at the end.
struct SchemaChecker {
  private struct Draft {
    var kind: SchemaFinding.Kind = .error
    /// From the innermost step outwards.
    var steps: [FieldPath.Step] = []
    /// The part of the message after the path.
    var predicate: String
    var hint: String?
    var wantsQuotes = false
  }

  private var drafts: [Draft] = []

  func findings() -> [SchemaFinding] {
    drafts.map { draft in
      let path = FieldPath(steps: draft.steps.reversed())
      let subject = path == .root ? "the object" : path.description.shortened()
      return SchemaFinding(
        kind: draft.kind, path: path, message: "\(subject) \(draft.predicate)", hint: draft.hint,
        wantsQuotes: draft.wantsQuotes)
    }
  }

  mutating func check(_ value: JSON, _ node: SchemaNode, isRoot: Bool = false) {
    guard drafts.count < Schema.findingLimit else { return }
    if value.isNull, node.isNullable { return }
    guard fits(value, node) else { return reportType(of: value, node) }
    switch value {
    case .object(let members): check(members, node, isRoot: isRoot)
    case .array(let items): check(items, node)
    case .string(let text): check(text, node)
    case .integer(let number): checkRange(Double(number), node)
    case .number(let number): checkRange(number, node)
    case .bool, .null: break
    }
    if !node.allowed.isEmpty, !node.allowed.contains(value) { reportNotAllowed(value, node) }
  }

  // MARK: Types

  private func fits(_ value: JSON, _ node: SchemaNode) -> Bool {
    if node.isIntegerOrString {
      switch value {
      case .string, .integer: return true
      default: return false
      }
    }
    switch (node.type, value) {
    case (.object, .object), (.array, .array), (.string, .string), (.boolean, .bool): return true
    case (.integer, .integer), (.number, .integer), (.number, .number): return true
    case (.integer, .number(let number)): return number.rounded() == number
    case (nil, .null): return false
    case (nil, _): return true
    default: return false
    }
  }

  /// The type of a node's values, with its article; nil if it accepts any.
  private static func words(for node: SchemaNode) -> String? {
    node.isIntegerOrString ? "an integer or a string" : node.type?.rawValue.withArticle
  }

  private mutating func reportType(of value: JSON, _ node: SchemaNode) {
    let expected = Self.words(for: node) ?? "a value"
    let wantsString = node.isIntegerOrString || node.type == .string
    var hint: String?
    if value.isNull {
      hint = "give it a value, or remove it"
    } else if wantsString, value.quotable {
      hint = "write it in quotes"
    } else if node.type == .integer || node.type == .number, let text = value.string, Double(text) != nil {
      hint = "write it without quotes"
    } else if node.type == .boolean, ["true", "false"].contains(value.string) {
      hint = "write it without quotes"
    } else if node.type == .array {
      let isItem = value.object == nil && node.items?.type.map({ $0 != .object }) == true
      hint = isItem ? "write it as a list with one item" : "write it as a list, in brackets: [...]"
    } else if node.type == .object {
      hint = "write it as an object, in braces: {...}"
    }
    let found = value.isNull ? "empty" : value.typeName.withArticle
    drafts.append(
      Draft(
        predicate: "must be \(expected), not \(found)", hint: hint,
        wantsQuotes: wantsString && value.quotable))
  }

  // MARK: Objects and arrays

  private mutating func check(_ members: JSON.Members, _ node: SchemaNode, isRoot: Bool) {
    for name in node.required where members[name] == nil {
      let type = node.properties[ExactString(name)].flatMap(Self.words)
      var draft = Draft(
        predicate: "is required, but missing", hint: "add \(name)\(type.map { ", \($0)" } ?? "")")
      draft.steps = [.key(name)]
      drafts.append(draft)
    }
    for (key, value) in members {
      // These are the same for every kind, and the schema does not describe them.
      if isRoot, key == "metadata" || key == "apiVersion" || key == "kind" { continue }
      let before = drafts.count
      if let property = node.properties[ExactString(key)] {
        check(value, property)
      } else {
        switch node.others {
        case .anything: continue
        case .schema(let schema): check(value, schema)
        case .unknown: reportUnknown(key, members, node)
        }
      }
      if drafts.count > before { addStep(.key(key), since: before) }
    }
    checkCount(members.count, node, "member", "members")
  }

  private mutating func check(_ items: [JSON], _ node: SchemaNode) {
    if let schema = node.items {
      for (index, item) in items.enumerated() {
        let before = drafts.count
        check(item, schema)
        addStep(.index(index), since: before)
      }
    }
    checkCount(items.count, node, "item", "items")
  }

  private mutating func addStep(_ step: FieldPath.Step, since before: Int) {
    for index in before..<drafts.count { drafts[index].steps.append(step) }
  }

  private mutating func reportUnknown(_ key: String, _ members: JSON.Members, _ node: SchemaNode) {
    guard drafts.count < Schema.findingLimit else { return }
    // A field that already exists cannot be the intended one.
    let candidates = node.properties.keys.map(\.wrappedValue).filter { members[$0] == nil }
    let meant = NearMiss.suggestion(for: key, among: candidates)
    drafts.append(
      Draft(
        kind: .unknownField, predicate: "is a field that is not known here",
        hint: meant.map { "did you mean `\($0)`?" }))
  }

  // MARK: Scalars

  private mutating func check(_ text: String, _ node: SchemaNode) {
    // A scalar takes one to four bytes, so most lengths can be checked without counting.
    let bytes = text.utf8.count
    if bytes > node.count.upperBound || bytes / 4 < node.count.lowerBound {
      checkCount(text.unicodeScalars.count, node, "character", "characters", shown: text)
    }
    if let pattern = node.pattern, !pattern.matches(text) {
      let expected = node.patternWords ?? "text that matches \(pattern)"
      drafts.append(Draft(predicate: "must be \(expected), not \(text.quoted)"))
    }
    if let expected = node.format?(text) {
      drafts.append(Draft(predicate: "must be \(expected), not \(text.quoted)"))
    }
  }

  private mutating func checkCount(
    _ count: Int, _ node: SchemaNode, _ one: String, _ many: String, shown: String? = nil
  ) {
    guard !node.count.contains(count) else { return }
    let quoted = shown.map { $0.isEmpty ? "" : ": \($0.quoted)" } ?? ""
    if count == 0, node.count.lowerBound == 1 {
      drafts.append(Draft(predicate: "must not be empty"))
    } else if count < node.count.lowerBound {
      let least = node.count.lowerBound
      drafts.append(
        Draft(predicate: "must have at least \(least) \(least == 1 ? one : many), not \(count)\(quoted)"))
    } else {
      let most = node.count.upperBound
      drafts.append(
        Draft(predicate: "must have at most \(most) \(most == 1 ? one : many), not \(count)\(quoted)"))
    }
  }

  private mutating func checkRange(_ number: Double, _ node: SchemaNode) {
    let shown = JSON.number(number).text()
    if let minimum = node.minimum, number < minimum || (node.isMinimumExclusive && number == minimum) {
      let words = node.isMinimumExclusive ? "greater than" : "at least"
      drafts.append(Draft(predicate: "must be \(words) \(JSON.number(minimum).text()), not \(shown)"))
    }
    if let maximum = node.maximum, number > maximum || (node.isMaximumExclusive && number == maximum) {
      let words = node.isMaximumExclusive ? "less than" : "at most"
      drafts.append(Draft(predicate: "must be \(words) \(JSON.number(maximum).text()), not \(shown)"))
    }
    if node.formatName == "int32", !(Double(Int32.min)...Double(Int32.max)).contains(number) {
      drafts.append(Draft(predicate: "must fit 32 bits, which \(shown) does not"))
    }
  }

  private mutating func reportNotAllowed(_ value: JSON, _ node: SchemaNode) {
    let names = node.allowed.map { $0.string ?? $0.text() }
    let meant = value.string.flatMap { NearMiss.suggestion(for: $0, among: names) }
    drafts.append(
      Draft(
        predicate: "must be \(names.joined(separator: " or ")), not \(value.string?.quoted ?? value.text())",
        hint: meant.map { "did you mean `\($0)`?" }))
  }
}
