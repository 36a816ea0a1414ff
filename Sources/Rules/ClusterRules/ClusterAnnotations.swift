import Diagnostics
import KubeDirector
import Values

/// The rule `cluster/upgrade-annotation`.
enum ClusterUpgradeAnnotation: ClusterRule {
  static let description = RuleDescription(
    "cluster/upgrade-annotation", .warning,
    summary: "a cluster's upgrade annotations are valid",
    rationale: """
      `kdops.dev/role-order` names roles of the cluster's app, and `kdops.dev/max-unavailable` is a whole \
      number of at least 1. A role whose name is misspelt is upgraded last, with all roles that are not \
      named. `kdops.dev/point-of-no-return` is an annotation of apps, and has no effect here.
      """,
    passing: [
      .given("stages", .cluster(annotation: Wire.Annotation.roleOrder, "controller, worker")),
      .given("a number", .cluster(annotation: Wire.Annotation.maxUnavailable, "2")),
    ],
    failing: [
      .given("a typing error", .cluster(annotation: Wire.Annotation.roleOrder, "controler, worker")),
      .given("no number", .cluster(annotation: Wire.Annotation.maxUnavailable, "two")),
      .given("on the wrong object", .cluster(annotation: Wire.Annotation.pointOfNoReturn, "worker")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    UpgradeAnnotations(cluster.metadata.annotations).violations(
      "cluster \(cluster.reference)", roles: app?.spec.roles.map(\.id), isApp: false)
  }
}

/// The rule `cluster/grace-period`.
enum ClusterGracePeriod: ClusterRule {
  static let description = RuleDescription(
    "cluster/grace-period", .warning,
    summary: "a cluster's grace periods are seconds, for all roles or for roles of its app",
    rationale: """
      Kubernetes kills a pod after this time, even if a database is still writing. An invalid value counts as \
      absent: the pods then have 30 seconds. At most 3600 are possible.
      """,
    passing: [
      .given("seconds for all roles", .cluster(annotation: Wire.Annotation.gracePeriod, "120")),
      .given("seconds for one role", .cluster(annotation: Wire.Annotation.gracePeriod, "worker=300")),
    ],
    failing: [
      .given("a duration with a unit", .cluster(annotation: Wire.Annotation.gracePeriod, "5m")),
      .given("a typing error", .cluster(annotation: Wire.Annotation.gracePeriod, "wroker=300")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    let key = Wire.Annotation.gracePeriod
    guard let text = cluster.metadata.annotations[key] else { return [] }
    let periods = GracePeriods(text)
    let path: FieldPath = ["metadata", "annotations", .key(key)]
    var found = periods.invalid.prefix(Violation.limit).map { item in
      Violation(
        path, "\(key) of cluster \(cluster.reference) has the invalid value \(item.prefix(80))",
        hint: "write whole seconds from 0 to \(GracePeriods.limit), such as \"120\" or \"worker=300\"")
    }
    guard let known = app?.spec.roles.map(\.id) else { return found }
    for role in periods.roles.keys.sorted().prefix(Violation.limit) where !known.contains(role) {
      found.append(
        Violation(
          path,
          "\(key) of cluster \(cluster.reference) names the role \(role.prefix(80)), which the app does not have",
          hint: Hint.oneOf(known, insteadOf: role, or: "remove it")))
    }
    return found
  }
}
