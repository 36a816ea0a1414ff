import Values

/// A KubeDirector field that this version stores on the object but does not use.
struct UncarriedField: Sendable {
  /// The last step of the field's path.
  let name: String
  /// The effect of not carrying the field to pods.
  let effect: String
  let hint: String
  private let isSetBy: @Sendable (JSON) -> Bool

  /// - Parameter isSet: Whether a value requests something; by default any value except null, `false` and empty
  ///   values.
  init(
    _ name: String, _ effect: String, hint: String,
    isSet: @escaping @Sendable (JSON) -> Bool = UncarriedField.asksForSomething
  ) {
    (self.name, self.effect, self.hint, isSetBy) = (name, effect, hint, isSet)
  }

  func isSet(in parent: JSON) -> Bool { parent[name].map(isSetBy) ?? false }

  /// - Parameters:
  ///   - path: The path of the object that has the field.
  ///   - owner: The owner of the field, as messages name it.
  func violation(_ path: FieldPath, _ owner: String) -> Violation {
    Violation(
      path.appending(.key(name)), "`\(name)` of \(owner) is not applied to pods: \(effect)", hint: hint)
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
