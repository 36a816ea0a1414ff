import Diagnostics
import KubeDirector

/// The rule `cluster/upgrade-annotation`.
enum ClusterUpgradeAnnotation: ClusterRule {
  static let description = RuleDescription(
    "cluster/upgrade-annotation", .warning,
    summary: "what a cluster's annotations ask of upgrades can be done",
    rationale: """
      `kdops.dev/role-order` names roles of the cluster's app, `kdops.dev/max-unavailable` a number from 1 up. A role \
      whose name is misspelt goes last, with all that are not named. `kdops.dev/point-of-no-return` is a matter of \
      the app, and does nothing here.
      """,
    passing: [
      .given("stages", .cluster(annotation: Wire.Annotation.roleOrder, "controller, worker")),
      .given("a number", .cluster(annotation: Wire.Annotation.maxUnavailable, "2")),
    ],
    failing: [
      .given("a slip", .cluster(annotation: Wire.Annotation.roleOrder, "controler, worker")),
      .given("no number", .cluster(annotation: Wire.Annotation.maxUnavailable, "two")),
      .given("on the wrong object", .cluster(annotation: Wire.Annotation.pointOfNoReturn, "worker")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    UpgradeAnnotations(cluster.metadata.annotations).violations(
      "cluster \(cluster.reference)", roles: app?.spec.roles.map(\.id), isApp: false)
  }
}
