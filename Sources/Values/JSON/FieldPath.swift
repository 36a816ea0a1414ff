/// The path of a value inside an object: `spec.roles[2].members`.
public struct FieldPath: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public enum Step: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case key(String)
    case index(Int)

    public static func == (left: Step, right: Step) -> Bool {
      switch (left, right) {
      case (.key(let one), .key(let other)): one.isExactly(other)
      case (.index(let one), .index(let other)): one == other
      default: false
      }
    }

    public func hash(into hasher: inout Hasher) {
      switch self {
      case .key(let key): hasher.combine(ExactString(key))
      case .index(let index): hasher.combine(index)
      }
    }

    public init(stringLiteral value: String) { self = .key(value) }
    public init(integerLiteral value: Int) { self = .index(value) }
  }

  public var steps: [Step]

  /// The object itself.
  public static let root = FieldPath(steps: [])

  public init(steps: [Step]) { self.steps = steps }
  public init(arrayLiteral elements: Step...) { steps = elements }

  public func appending(_ step: Step) -> FieldPath { FieldPath(steps: steps + [step]) }
  public static func + (left: FieldPath, right: FieldPath) -> FieldPath {
    FieldPath(steps: left.steps + right.steps)
  }

  public var parent: FieldPath { FieldPath(steps: Array(steps.dropLast())) }

  public var description: String {
    var text = ""
    for step in steps {
      switch step {
      case .key(let key) where key.utf8.contains(where: { ".[/".utf8.contains($0) }):
        text += "['\(key)']"
      case .key(let key): text += text.isEmpty ? key : ".\(key)"
      case .index(let index): text += "[\(index)]"
      }
    }
    return text
  }
}
