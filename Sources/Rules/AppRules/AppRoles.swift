import KubeDirector
import Values

/// The rule `app/role-unique`.
enum AppRoleUnique: AppRule {
  static let description = RuleDescription(
    "app/role-unique", summary: "no two roles of an app have the same id",
    rationale: "The id identifies a role: clusters, services and objects refer to it.",
    passing: [
      .given(
        "three ids",
        .candidate(#""id": "gateway""#, #""id": "proxy""#, also: [#", "gateway"]"#: #", "proxy"]"#]))
    ],
    failing: [
      .given(
        "two roles with the id worker",
        .candidate(#""id": "gateway""#, #""id": "worker""#, also: [#", "gateway"]"#: "]"]))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    Repetition.indices(in: app.spec.roles.map(\.id)).map { index in
      Violation(
        ["spec", "roles", .index(index), "id"],
        "role \(app.spec.roles[index].id) of app \(app.reference.name) is defined a second time",
        hint: "give it another id, or remove one of the two")
    }
  }
}

/// The rule `app/selected-role-unique`.
enum AppSelectedRoleUnique: AppRule {
  static let description = RuleDescription(
    "app/selected-role-unique", summary: "no role is selected twice",
    rationale: "A role that is listed twice was most likely meant to be another role.",
    passing: [
      .given(
        "each once, in any order",
        .candidate(#"["controller", "worker", "gateway"]"#, #"["worker", "gateway", "controller"]"#))
    ],
    failing: [
      .given(
        "worker twice",
        .candidate(#"["controller", "worker", "gateway"]"#, #"["controller", "worker", "worker"]"#))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    Repetition.indices(in: app.spec.selectedRoles).map { index in
      Violation(
        ["spec", "config", "selectedRoles", .index(index)],
        "role \(app.spec.selectedRoles[index]) is selected twice in app \(app.reference.name)",
        hint: "remove one of the two")
    }
  }
}

/// The rule `app/selected-role-known`.
enum AppSelectedRoleKnown: AppRule {
  static let description = RuleDescription(
    "app/selected-role-known", summary: "every selected role is a role of the app",
    rationale:
      "A cluster must configure each selected role, and cannot configure a role that does not exist.",
    passing: [
      .given(
        "a part of the roles",
        .candidate(#"["controller", "worker", "gateway"]"#, #"["controller", "worker"]"#))
    ],
    failing: [
      .given(
        "a typing error",
        .candidate(#"["controller", "worker", "gateway"]"#, #"["controller", "worker", "gatway"]"#))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    app.spec.selectedRoles.enumerated().compactMap { index, id in
      if app.spec.role(id) != nil { return nil }
      return Violation(
        ["spec", "config", "selectedRoles", .index(index)],
        "app \(app.reference.name) selects the role \(id), which it does not define",
        hint: Hint.oneOf(app.spec.roles.map(\.id), insteadOf: id, or: "define it under `roles`"))
    }
  }
}

/// The rule `app/role-image`.
enum AppRoleImage: AppRule {
  static let description = RuleDescription(
    "app/role-image", summary: "every role has an image, its own or the app's default",
    rationale: "A member is a container, and a container needs an image.",
    passing: [
      .given(
        "an image for each role",
        .candidate(
          #""defaultImageRepoTag": "registry.example/spark:1.1.0","#, "",
          also: [
            #""cardinality": "1""#: #""cardinality": "1", "imageRepoTag": "registry.example/spark:1.1.0""#,
            #""cardinality": "1+""#: #""cardinality": "1+", "imageRepoTag": "registry.example/spark:1.1.0""#,
          ]))
    ],
    failing: [.given("no image", .candidate(#""defaultImageRepoTag": "registry.example/spark:1.1.0","#, ""))])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    if app.spec.defaultImage != nil { return [] }
    return app.spec.roles.enumerated().compactMap { index, role in
      if role.image != nil { return nil }
      return Violation(
        ["spec", "roles", .index(index)],
        "role \(role.id) of app \(app.reference.name) has no image, and the app has no default",
        hint: "add `imageRepoTag` to the role, or `defaultImageRepoTag` to the app")
    }
  }
}

/// The rule `app/tty-needs-stdin`.
enum AppTTYNeedsStdin: AppRule {
  static let description = RuleDescription(
    "app/tty-needs-stdin", summary: "a role with `tty` also has `stdin`",
    rationale: "A container runtime refuses a terminal without stdin, or the process hangs.",
    passing: [
      .given(
        "tty and stdin",
        .candidate(
          #""cardinality": "1""#, #""cardinality": "1", "containerSpec": {"stdin": true, "tty": true}"#))
    ],
    failing: [
      .given(
        "tty alone",
        .candidate(#""cardinality": "1""#, #""cardinality": "1", "containerSpec": {"tty": true}"#))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    app.spec.roles.enumerated().compactMap { index, role in
      if !role.tty || role.stdin { return nil }
      return Violation(
        ["spec", "roles", .index(index), "containerSpec", "tty"],
        "role \(role.id) of app \(app.reference.name) requests a terminal without stdin",
        hint: "add `\"stdin\": true`, or remove `tty`")
    }
  }
}

/// The rule `app/min-storage-quantity`.
enum AppMinStorageQuantity: AppRule {
  static let description = RuleDescription(
    "app/min-storage-quantity", summary: "`minStorage.size` is a quantity greater than zero",
    rationale: "The storage of every cluster is compared with this size.",
    passing: [
      .given(
        "a binary unit",
        .candidate(#""minStorage": {"size": "10Gi"}"#, #""minStorage": {"size": "10240Mi"}"#))
    ],
    failing: [
      .given(
        "a unit that does not exist",
        .candidate(#""minStorage": {"size": "10Gi"}"#, #""minStorage": {"size": "10GB"}"#))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    app.spec.roles.enumerated().compactMap { index, role in
      guard let size = role.minStorage else { return nil }
      if let quantity = Quantity(size), !quantity.isNegative, !quantity.isZero { return nil }
      return Violation(
        ["spec", "roles", .index(index), "minStorage", "size"],
        "minStorage of role \(role.id) of app \(app.reference.name) is \"\(size)\", which is not a quantity greater than zero",
        hint: "write it in Kubernetes' notation, such as `10Gi`")
    }
  }
}

/// The rule `app/event-list`.
enum AppEventList: AppRule {
  static let description = RuleDescription(
    "app/event-list", summary: "event lists contain only events that an app can subscribe to",
    rationale: """
      The script for an event that does not exist never runs. `pod_upgraded` and `pod_reverted` are always \
      sent and are not listed.
      """,
    passing: [
      .given(
        "an event of a role",
        .candidate(
          #""cardinality": "1""#, #""cardinality": "1", "eventList": ["configure", "role_upgraded"]"#))
    ],
    failing: [
      .given(
        "a typing error",
        .candidate(#""cardinality": "1""#, #""cardinality": "1", "eventList": ["configure", "addnode"]"#))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    var found = violations(in: app.spec.raw["defaultEventList"], at: ["spec", "defaultEventList"], of: app)
    for (index, role) in (app.spec.raw["roles"]?.array ?? []).enumerated() {
      guard let list = role["eventList"] else { continue }
      found += violations(in: list, at: ["spec", "roles", .index(index), "eventList"], of: app)
    }
    return found
  }

  private static func violations(in list: JSON?, at path: FieldPath, of app: Sourced<App>) -> [Violation] {
    guard let list = list?.array else { return [] }
    return list.enumerated().compactMap { index, item in
      guard let name = item.string else { return nil }
      if let event = LifecycleEvent(rawValue: name), LifecycleEvent.listable.contains(event) { return nil }
      let isAlways = name == "pod_upgraded" || name == "pod_reverted"
      return Violation(
        path + [.index(index)],
        isAlways
          ? "event \(name) in app \(app.reference.name) is always sent and must not be listed"
          : "event \(name) in app \(app.reference.name) does not exist",
        hint: isAlways
          ? "remove it"
          : Hint.oneOf(LifecycleEvent.listable.map(\.rawValue), insteadOf: name, or: "remove it"))
    }
  }
}
