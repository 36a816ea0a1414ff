import KubeDirector

/// The rule `app/service-unique`.
enum AppServiceUnique: AppRule {
  static let description = RuleDescription(
    "app/service-unique", summary: "no two services of an app have the same id",
    rationale:
      "The id identifies a service: roles refer to it, and config packages use it to look up the service.",
    passing: [
      .given(
        "two ids",
        .candidate(#"{"id": "master","#, #"{"id": "rpc","#, also: [#"["ui", "master"]"#: #"["ui", "rpc"]"#]))
    ],
    failing: [
      .given(
        "the id ui twice",
        .candidate(#"{"id": "master","#, #"{"id": "ui","#, also: [#"["ui", "master"]"#: #"["ui"]"#]))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    Repetition.indices(in: app.spec.services.map(\.id)).map { index in
      Violation(
        ["spec", "services", .index(index), "id"],
        "service \(app.spec.services[index].id) of app \(app.reference.name) is defined a second time",
        hint: "give it another id, or remove one of the two")
    }
  }
}

/// The rule `app/role-service-unique`.
enum AppRoleServiceUnique: AppRule {
  static let description = RuleDescription(
    "app/role-service-unique",
    summary: "`roleServices` names each role once, and each service of a role once",
    rationale: "If a role had two entries, it would be undefined which one applies.",
    passing: [.given("one entry per role", .candidate(RoleServicesText.one, RoleServicesText.two("worker")))],
    failing: [
      .given(
        "two entries for controller", .candidate(RoleServicesText.one, RoleServicesText.two("controller"))),
      .given("a service twice", .candidate(#"["ui", "master"]"#, #"["ui", "ui"]"#)),
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    let entries = app.spec.roleServices
    var found = Repetition.indices(in: entries.map(\.roleID)).map { index in
      Violation(
        ["spec", "config", "roleServices", .index(index), "roleID"],
        "roleServices of app \(app.reference.name) names the role \(entries[index].roleID) twice",
        hint: "merge the two entries into one")
    }
    for (index, entry) in entries.enumerated() {
      for repeated in Repetition.indices(in: entry.serviceIDs) {
        found.append(
          Violation(
            ["spec", "config", "roleServices", .index(index), "serviceIDs", .index(repeated)],
            "service \(entry.serviceIDs[repeated]) is listed twice for role \(entry.roleID) of app \(app.reference.name)",
            hint: "remove one of the two"))
      }
    }
    return found
  }
}

/// The rule `app/role-service-role`.
enum AppRoleServiceRole: AppRule {
  static let description = RuleDescription(
    "app/role-service-role", summary: "`roleServices` names roles of the app",
    rationale: "No member offers the services of a role that does not exist.",
    passing: [
      .given("a role that is defined", .candidate(#""roleID": "controller""#, #""roleID": "worker""#))
    ],
    failing: [.given("a typing error", .candidate(#""roleID": "controller""#, #""roleID": "controler""#))])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    app.spec.roleServices.enumerated().compactMap { index, entry in
      if app.spec.role(entry.roleID) != nil { return nil }
      return Violation(
        ["spec", "config", "roleServices", .index(index), "roleID"],
        "roleServices of app \(app.reference.name) names the role \(entry.roleID), which it does not define",
        hint: Hint.oneOf(app.spec.roles.map(\.id), insteadOf: entry.roleID, or: "define it under `roles`"))
    }
  }
}

/// The rule `app/role-service-service`.
enum AppRoleServiceService: AppRule {
  static let description = RuleDescription(
    "app/role-service-service", summary: "`roleServices` names services of the app",
    rationale: "A service that is not defined has no port.",
    passing: [.given("a defined service", .candidate(#"["ui", "master"]"#, #"["master"]"#))],
    failing: [.given("a typing error", .candidate(#"["ui", "master"]"#, #"["ui", "mater"]"#))])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, entry) in app.spec.roleServices.enumerated() {
      for (position, id) in entry.serviceIDs.enumerated()
      where found.count < Violation.limit && app.spec.service(id) == nil {
        found.append(
          Violation(
            ["spec", "config", "roleServices", .index(index), "serviceIDs", .index(position)],
            "role \(entry.roleID) of app \(app.reference.name) offers the service \(id), which is not defined",
            hint: Hint.oneOf(app.spec.services.map(\.id), insteadOf: id, or: "define it under `services`")))
      }
    }
    return found
  }
}

/// The rule `app/dashboard-url-scheme`.
enum AppDashboardURLScheme: AppRule {
  static let description = RuleDescription(
    "app/dashboard-url-scheme", summary: "the endpoint of a dashboard has a `urlScheme`",
    rationale: "A dashboard is a link for people, and a link needs a scheme.",
    passing: [.given("https", .candidate(#""urlScheme": "http""#, #""urlScheme": "https""#))],
    failing: [.given("none", .candidate(#""urlScheme": "http", "#, ""))])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    app.spec.services.enumerated().compactMap { index, service in
      if !service.isDashboard || service.urlScheme != nil { return nil }
      return Violation(
        ["spec", "services", .index(index), "endpoint", "isDashboard"],
        "service \(service.id) of app \(app.reference.name) is a dashboard without a urlScheme",
        hint: "add `\"urlScheme\": \"http\"` to its endpoint")
    }
  }
}

private enum RoleServicesText {
  static let one = #"{"roleID": "controller", "serviceIDs": ["ui", "master"]}"#
  static func two(_ role: String) -> String { one + #", {"roleID": "\#(role)", "serviceIDs": ["ui"]}"# }
}
