import Diagnostics
import KubeDirector
import Values

/// The rule `app/upgrade-annotation`.
enum AppUpgradeAnnotation: AppRule {
  static let description = RuleDescription(
    "app/upgrade-annotation", .warning,
    summary: "an app's upgrade annotations are valid",
    rationale: """
      `kdops.dev/role-order` and `kdops.dev/point-of-no-return` name roles of the app, and \
      `kdops.dev/max-unavailable` is a whole number of at least 1. A misspelt name matches no role: its \
      stage is empty, or an upgrade can be rolled back past the intended point of no return.
      """,
    passing: [
      .given("a role of the app", .candidate(annotation: Wire.Annotation.pointOfNoReturn, "worker")),
      .given("any role", .candidate(annotation: Wire.Annotation.pointOfNoReturn, "*")),
      .given("stages", .candidate(annotation: Wire.Annotation.roleOrder, "controller, worker gateway")),
    ],
    failing: [
      .given("a typing error", .candidate(annotation: Wire.Annotation.pointOfNoReturn, "wroker")),
      .given(
        "a stage that is not a role",
        .candidate(annotation: Wire.Annotation.roleOrder, "controller, database")),
      .given("a percentage", .candidate(annotation: Wire.Annotation.maxUnavailable, "25%")),
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    UpgradeAnnotations(app.metadata.annotations).violations(
      "app \(app.reference.name)", roles: app.spec.roles.map(\.id), isApp: true)
  }
}

/// The upgrade annotations of an app or a cluster, checked against the app's roles.
struct UpgradeAnnotations {
  private let values: [String: String]

  init(_ annotations: [String: String]) { values = annotations }

  /// - Parameters:
  ///   - subject: The owner of the annotations, as messages name it.
  ///   - roles: The ids of the app's roles; nil if the app is not known.
  func violations(_ subject: String, roles: [String]?, isApp: Bool) -> [Violation] {
    if values.isEmpty { return [] }
    var found: [Violation] = []
    if let text = values[Wire.Annotation.maxUnavailable], (Int(text) ?? 0) < 1 {
      found.append(
        Violation(
          Self.place(Wire.Annotation.maxUnavailable),
          "\(Wire.Annotation.maxUnavailable) of \(subject) is \"\(text.prefix(80))\", which counts as 1",
          hint: "write a whole number of at least 1"))
    }
    if let roles {
      let keys = [Wire.Annotation.roleOrder] + (isApp ? [Wire.Annotation.pointOfNoReturn] : [])
      for key in keys { found += strangers(key, subject, roles) }
    }
    if !isApp, values[Wire.Annotation.pointOfNoReturn] != nil {
      found.append(
        Violation(
          Self.place(Wire.Annotation.pointOfNoReturn),
          "\(Wire.Annotation.pointOfNoReturn) of \(subject) has an effect only on apps",
          hint: "move it to the app"))
    }
    return found
  }

  private func strangers(_ key: String, _ subject: String, _ roles: [String]) -> [Violation] {
    var known = Set(roles)
    if key == Wire.Annotation.pointOfNoReturn { known.insert("*") }
    return ClusterStatus.roles(named: values[key]).subtracting(known).sorted().prefix(Violation.limit).map {
      name in
      Violation(
        Self.place(key), "\(key) of \(subject) names role \(name.prefix(80)), which the app does not have",
        hint: Hint.oneOf(roles, insteadOf: name, or: "remove it"))
    }
  }

  private static func place(_ key: String) -> FieldPath { ["metadata", "annotations", .key(key)] }
}
