import Values

/// The paths that `additionalPrinterColumns` use: `.spec.app`, `.items[0]` and
/// `.status.conditions[?(@.type=="Stalled")].status`.
struct JSONPath: Sendable, Hashable {
  private enum Step: Sendable, Hashable {
    case key(String)
    case index(Int)
    case first(key: String, value: String)
  }

  private var steps: [Step] = []

  /// Nil for a path of another form.
  init?(_ text: String) {
    var rest = text[...]
    while let mark = rest.popFirst() {
      switch mark {
      case ".":
        let key = rest.prefix { $0 != "." && $0 != "[" }
        guard !key.isEmpty else { return nil }
        steps.append(.key(String(key)))
        rest = rest.dropFirst(key.count)
      case "[":
        let inside = rest.prefix { $0 != "]" }
        guard inside.count < rest.count, let step = Self.step(inside) else { return nil }
        steps.append(step)
        rest = rest.dropFirst(inside.count + 1)
      default: return nil
      }
    }
  }

  /// The first value at the path; nil if there is none.
  func value(in json: JSON) -> JSON? {
    var value: JSON? = json
    for step in steps {
      switch step {
      case .key(let key): value = value?[key]
      case .index(let index): value = value?[index]
      case .first(let key, let wanted): value = value?.array?.first { $0[key]?.string == wanted }
      }
    }
    return value
  }

  private static func step(_ inside: Substring) -> Step? {
    if let index = Int(inside) { return .index(index) }
    guard inside.hasPrefix("?(@."), inside.hasSuffix("\")") else { return nil }
    let condition = inside.dropFirst(4).dropLast(2)
    guard let equals = condition.firstIndex(of: "=") else { return nil }
    let value = condition[equals...]
    guard value.hasPrefix("==\"") else { return nil }
    return .first(key: String(condition[..<equals]), value: String(value.dropFirst(3)))
  }
}
