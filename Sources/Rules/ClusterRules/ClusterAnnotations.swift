import Diagnostics
import KubeDirector

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
