import KubeDirector
import Values

/// The rule `cluster/role-known`.
enum ClusterRoleKnown: ClusterRule {
  static let description = RuleDescription(
    "cluster/role-known", summary: "every role of a cluster is a role of its app",
    rationale: "A member's image, package and services come from the app's role.",
    passing: [
      .given(
        "an optional role",
        .cluster("- id: controller", "\(RoleText.gateway)\n    - id: controller"))
    ],
    failing: [
      .given(
        "a role that the app lacks", .cluster("- id: controller", "\(RoleText.unknown)\n    - id: controller")
      )
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let app else { return [] }
    return cluster.spec.roles.enumerated().compactMap { index, role in
      if app.spec.role(role.id) != nil { return nil }
      return Violation(
        RolePath.of(index, "id"),
        "role \(role.id) of cluster \(cluster.reference) is not a role of app \(app.metadata.name)",
        hint: Hint.oneOf(app.spec.roles.map(\.id), insteadOf: role.id, or: "remove the role"))
    }
  }
}

/// The rule `cluster/role-unique`.
enum ClusterRoleUnique: ClusterRule {
  static let description = RuleDescription(
    "cluster/role-unique", summary: "no role is configured twice",
    rationale: "A role has one StatefulSet. If it had two entries, it would be undefined which one applies.",
    passing: [.given("two roles", .cluster("members: 3", "members: 2"))],
    failing: [
      .given(
        "gateway twice",
        .cluster("- id: controller", "\(RoleText.gateway)\n    \(RoleText.gateway)\n    - id: controller"))
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    Repetition.indices(in: cluster.spec.roles, by: { $0.id }).map { index in
      Violation(
        RolePath.of(index, "id"),
        "role \(cluster.spec.roles[index].id) of cluster \(cluster.reference) is configured a second time",
        hint: "merge the two entries into one")
    }
  }
}

/// The rule `cluster/role-missing`.
enum ClusterRoleMissing: ClusterRule {
  static let description = RuleDescription(
    "cluster/role-missing", summary: "every selected role that must have members is configured",
    rationale: """
      An app does not work if a selected role has no members, and only the cluster defines the size of its \
      members.
      """,
    passing: [.given("gateway may have no members", .cluster("members: 3", "members: 1"))],
    failing: [
      .given(
        "no controller",
        .cluster(
          "    - id: controller\n      members: 1\n      resources:\n        limits: {cpu: \"1\", memory: 2Gi}\n",
          ""))
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let app else { return [] }
    return app.spec.selectedRoles.compactMap { id in
      if cluster.spec.roles.contains(where: { $0.id == id }) { return nil }
      guard let role = app.spec.role(id), let cardinality = Cardinality(role.cardinality),
        cardinality.minimum > 0
      else { return nil }
      return Violation(
        ["spec", "roles"],
        "role \(id) of app \(app.metadata.name) needs \(cardinality.inWords), and cluster \(cluster.reference) does not configure it",
        hint: "add the role with its resources")
    }
  }
}

/// The rule `cluster/members`.
enum ClusterMembers: ClusterRule {
  static let description = RuleDescription(
    "cluster/members", summary: "the number of members fits the role's cardinality",
    rationale: "`3` means exactly three, `3+` means three or more. Absent `members` mean the minimum.",
    passing: [.given("more than the minimum", .cluster("members: 3", "members: 30"))],
    failing: [
      .given("two where exactly one is required", .cluster("members: 1", "members: 2")),
      .given("none where the minimum is one", .cluster("members: 3", "members: 0")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let app else { return [] }
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let members = role.members, let appRole = app.spec.role(role.id),
        let cardinality = Cardinality(appRole.cardinality), !cardinality.allows(members)
      else { continue }
      found.append(
        Violation(
          RolePath.of(index, "members"),
          "role \(role.id) of cluster \(cluster.reference) has members: \(members), and app \(app.metadata.name) requires \(cardinality.inWords)",
          hint: "write members: \(cardinality.minimum)\(cardinality.isOpen ? " or more" : "")"))
    }
    return found
  }
}

/// The rule `cluster/members-max`.
enum ClusterMembersMax: ClusterRule {
  static let limit = ClusterSpec.memberLimit

  static let description = RuleDescription(
    "cluster/members-max", summary: "a cluster has at most 1000 members in total",
    rationale: "A status lists every member, and a Kubernetes object has at most about 1.5 MB.",
    passing: [.given("1000", .cluster("members: 3", "members: 999"))],
    failing: [.given("1001", .cluster("members: 3", "members: 1000"))])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    let total = cluster.spec.memberCount(of: app?.spec)
    if total <= limit { return [] }
    return [
      Violation(
        ["spec", "roles"], "cluster \(cluster.reference) has \(total) members in total, more than \(limit)",
        hint: "make it smaller, or split it into several clusters")
    ]
  }
}

/// Builds paths below a role of a cluster.
enum RolePath {
  static func of(_ index: Int, _ steps: FieldPath.Step...) -> FieldPath {
    FieldPath(steps: ["spec", "roles", .index(index)] + steps)
  }
}

private enum RoleText {
  static let gateway = "- {id: gateway, members: 1, resources: {limits: {cpu: 1, memory: 1Gi}}}"
  static let unknown = "- {id: proxy, members: 1, resources: {limits: {cpu: 1, memory: 1Gi}}}"
}
