import Values

/// A field of KubeDirector's that this version keeps on the object and makes nothing of.
struct UncarriedField: Sendable {
  /// The last step of its path.
  let name: String
  /// What the field's absence from pods means.
  let effect: String
  let hint: String
  private let isSetBy: @Sendable (JSON) -> Bool

  /// - Parameter isSet: whether a value asks for something; by default any but null, `false` and what is empty.
  init(
    _ name: String, _ effect: String, hint: String,
    isSet: @escaping @Sendable (JSON) -> Bool = UncarriedField.asksForSomething
  ) {
    (self.name, self.effect, self.hint, isSetBy) = (name, effect, hint, isSet)
  }

  func isSet(in parent: JSON) -> Bool { parent[name].map(isSetBy) ?? false }

  /// - Parameters:
  ///   - path: of the object that has the field.
  ///   - owner: whose field it is, in words.
  func violation(_ path: FieldPath, _ owner: String) -> Violation {
    Violation(
      path.appending(.key(name)), "`\(name)` of \(owner) is not carried to pods: \(effect)", hint: hint)
  }

  static let asksForSomething: @Sendable (JSON) -> Bool = { value in
    switch value {
    case .null, .bool(false): false
    case .array(let items): !items.isEmpty
    case .object(let members): !members.isEmpty
    case .string(let text): !text.isEmpty
    default: true
    }
  }
}
