import Diagnostics
import KubeDirector
import Values

/// The rule `cluster/schema`. The file reader reports it, from the cluster's CRD.
enum ClusterSchema: ReadingRule {
  static let description = RuleDescription(
    "cluster/schema", summary: "a cluster matches the schema of its CRD",
    rationale: """
      `app` and `roles` are required, and for every role `resources.limits` with `memory` and `cpu`. The API \
      server gets the same schema, so nothing passes here that it would refuse. No other rule judges an \
      object that violates its schema.
      """,
    passing: [.given("a number for cpu", .cluster("cpu: \"2\"", "cpu: 2"))],
    failing: [
      .given("no memory limit", .cluster("{cpu: \"2\", memory: 4Gi}", "{cpu: \"2\"}")),
      .given("members that are not a number", .cluster("members: 3", "members: three")),
      .given(
        "a catalog that does not exist",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  appCatalog: global")),
    ])
}

/// The rule `cluster/unknown-field`. The file reader reports it, from the cluster's CRD.
enum ClusterUnknownField: ReadingRule {
  static let description = RuleDescription(
    "cluster/unknown-field", .warning, summary: "the CRD defines every field of a cluster",
    rationale: """
      An unknown field is written to the cluster, where other software may read it. More often it is a \
      typing error, and the intended setting has no effect.
      """,
    passing: [
      .given(
        "a rarely used field",
        .cluster("members: 3", "members: 3\n      serviceLabels: {team: insight}"))
    ],
    failing: [
      .given("a typing error", .cluster("storage: {size: 10Gi}", "storage: {size: 10Gi, storageClass: fast}"))
    ])
}

/// The rule `cluster/name`.
enum ClusterName: ClusterRule {
  static let description = RuleDescription(
    "cluster/name", summary: "the names of a cluster's objects are valid, and no other cluster uses them",
    rationale: """
      StatefulSets, pods and services are named after cluster and role. The cluster's name is also the value \
      of a label (63 characters at most) and the prefix of service names, which begin with a letter. If two \
      clusters would share an object, the cluster that existed first keeps it.
      """,
    passing: [
      .given("a dot, which is replaced with a dash", .cluster("name: analytics", "name: analytics.eu")),
      .given(
        "two similar names",
        .add(
          "clusters/other.yaml", Fixture.cluster.replacing("name: analytics", with: "name: analytics-work"))),
    ],
    failing: [
      .given("capital letters", .cluster("name: analytics", "name: Analytics")),
      .given("a digit first", .cluster("name: analytics", "name: 2nd-analytics")),
      .given(
        "the name of the service of analytics' first worker",
        .add(
          "clusters/other.yaml",
          Fixture.cluster.replacing("name: analytics", with: "name: analytics-worker-0"))),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    let name = cluster.reference.name
    let first = name.utf8.first ?? 0
    if !DNSName.isSubdomain(name, limit: 63) || !(0x61...0x7A).contains(first) {
      return [
        Violation(
          ["metadata", "name"],
          "cluster name \"\(name)\" cannot be the prefix of the names of its services and pods",
          hint: "use at most 63 lower-case letters, digits, `-` and `.`, beginning with a letter")
      ]
    }
    var found: [Violation] = []
    let rivals = context.rivals(of: cluster)
    for rival in rivals.found {
      guard let shared = context.objectNames(of: cluster).shared(with: context.objectNames(of: rival)) else {
        continue
      }
      found.append(
        Violation(
          ["metadata", "name"],
          "cluster \(cluster.reference) would have an object named \(shared), which belongs to cluster \(rival.reference)",
          hint: "give one of the two another name"))
    }
    if found.isEmpty, rivals.areMore {
      found.append(
        Violation(
          ["metadata", "name"],
          "the objects of cluster \(cluster.reference) may have the same names as those of more clusters than can be compared",
          hint: "give it another name"))
    }
    return found
  }
}

/// The rule `cluster/app-registered`.
enum ClusterAppRegistered: ClusterRule {
  static let description = RuleDescription(
    "cluster/app-registered", summary: "the app that a cluster names is registered",
    rationale: """
      The app is looked up in the cluster's namespace, then in the system's, unless `appCatalog` selects one \
      of them. If the live cluster can be read, an app that is live but not in git counts too. An app that \
      is itself rejected does not count, because it will not be applied.
      """,
    passing: [.given("an app of the same commit", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .given("an unknown app", .cluster("app: spark-1.0.0", "app: spark-2.0.0")),
      .given("in another namespace", .cluster("namespace: prod", "namespace: staging")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let app else { return [Missing.app(of: cluster, in: context)] }
    let isNew = context.base?.cluster(cluster.reference) == nil
    return isNew ? Missing.waiting(app, for: cluster.reference, in: context) : []
  }
}

/// The violations for an app that does not exist, or does not exist yet.
enum Missing {
  static func waiting(_ app: App, for cluster: ObjectReference, in context: RuleContext) -> [Violation] {
    guard context.waits(app) else { return [] }
    return [
      Violation(
        ["spec", "app"], severity: .waiting,
        "cluster \(cluster) waits for the change of app \(app.metadata.name), which also waits",
        hint: "nothing to do: it is judged again when the app has changed")
    ]
  }

  static func app(of cluster: Sourced<Cluster>, in context: RuleContext) -> Violation {
    let (spec, namespace) = (cluster.spec, cluster.reference.namespace)
    let places =
      switch spec.appCatalog {
      case .local: [namespace]
      case .system: [context.systemNamespace]
      case nil: namespace == context.systemNamespace ? [namespace] : [namespace, context.systemNamespace]
      }
    for place in places where context.head.holds(.app(place, spec.app)) {
      return Violation(
        ["spec", "app"], "app \(spec.app), which cluster \(cluster.reference) names, is itself rejected",
        hint: "fix the findings about the app")
    }
    if let path = context.head.brokenFile(named: spec.app) {
      return Violation(
        ["spec", "app"],
        "app \(spec.app), which cluster \(cluster.reference) names, is in no file that can be read",
        hint: "fix the findings about \(path)")
    }
    let known = context.appNames(in: places)
    return Violation(
      ["spec", "app"],
      "app \(spec.app), which cluster \(cluster.reference) names, is not registered in namespace \(places.joined(separator: " or "))",
      hint: Hint.oneOf(known, insteadOf: spec.app, or: "add the app's file to this commit"))
  }
}

/// The rule `cluster/connection-known`.
enum ClusterConnectionKnown: ClusterRule {
  static let description = RuleDescription(
    "cluster/connection-known", .warning, summary: "a connected cluster is in git",
    rationale: """
      Members see the services of connected clusters. A cluster that is not in git may still be live; as \
      long as it is not, members see none of its services.
      """,
    passing: [
      .given(
        "a cluster of the same namespace",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {clusters: [ledger]}"),
        .add("clusters/ledger.yaml", Fixture.cluster.replacing("name: analytics", with: "name: ledger")))
    ],
    failing: [
      .given(
        "a cluster that does not exist",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {clusters: [ledger]}"))
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    cluster.spec.connections.clusters.enumerated().compactMap { index, name in
      let reference = ObjectReference.cluster(cluster.reference.namespace, name)
      if context.head.holds(reference) { return nil }
      return Violation(
        ["spec", "connections", "clusters", .index(index)],
        "cluster \(cluster.reference) is connected to cluster \(reference), which is not in git",
        hint: "correct the name, or add that cluster's file")
    }
  }
}
