import Diagnostics
import KubeDirector

/// The rule `cluster/schema`. The file reader reports it, from the cluster's CRD.
enum ClusterSchema: ReadingRule {
  static let description = RuleDescription(
    "cluster/schema", summary: "a cluster has the shape that its CRD describes",
    rationale: """
      `app` and `roles` are required, and of every role `resources.limits` with `memory` and `cpu`. The same schema \
      is given to the API server, so nothing passes here that it would refuse. An object that fails its schema is \
      judged by no other rule.
      """,
    passing: [.given("a number for cpu", .cluster("cpu: \"2\"", "cpu: 2"))],
    failing: [
      .given("no memory limit", .cluster("{cpu: \"2\", memory: 4Gi}", "{cpu: \"2\"}")),
      .given("members that cannot be counted", .cluster("members: 3", "members: three")),
      .given(
        "a catalog that does not exist",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  appCatalog: global")),
    ])
}

/// The rule `cluster/unknown-field`. The file reader reports it, from the cluster's CRD.
enum ClusterUnknownField: ReadingRule {
  static let description = RuleDescription(
    "cluster/unknown-field", .warning, summary: "every field of a cluster is one that the CRD knows",
    rationale: """
      An unknown field is carried to the cluster, where something else may read it. More often it is a slip, and \
      what was meant does not happen.
      """,
    passing: [
      .given(
        "a field that is seldom used",
        .cluster("members: 3", "members: 3\n      serviceLabels: {team: insight}"))
    ],
    failing: [
      .given("a slip", .cluster("storage: {size: 10Gi}", "storage: {size: 10Gi, storageClass: fast}"))
    ])
}

/// The rule `cluster/name`.
enum ClusterName: ClusterRule {
  static let description = RuleDescription(
    "cluster/name", summary: "the names of a cluster's objects are legal, and no other cluster's",
    rationale: """
      StatefulSets, pods and services are named after cluster and role. The cluster's name is also a label's value \
      (63 characters at most) and begins the names of services, which begin with a letter. Of two clusters that \
      would share an object, the one that was there first keeps it.
      """,
    passing: [
      .given("a dot, which becomes a dash", .cluster("name: analytics", "name: analytics.eu")),
      .given(
        "two names that only look alike",
        .add(
          "clusters/other.yaml", Fixture.cluster.replacing("name: analytics", with: "name: analytics-work"))),
    ],
    failing: [
      .given("capital letters", .cluster("name: analytics", "name: Analytics")),
      .given("a digit first", .cluster("name: analytics", "name: 2nd-analytics")),
      .given(
        "the service of analytics' first worker has this name",
        .add(
          "clusters/other.yaml",
          Fixture.cluster.replacing("name: analytics", with: "name: analytics-worker-0"))),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    let name = cluster.reference.name
    let first = name.utf8.first ?? 0
    if !NameCheck.isSubdomain(name) || name.utf8.count > 63 || !(0x61...0x7A).contains(first) {
      return [
        Violation(
          ["metadata", "name"],
          "cluster name \"\(name)\" cannot begin the names of its services and pods",
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
          "cluster \(cluster.reference) would have an object named \(shared), which is cluster \(rival.reference)'s",
          hint: "give one of the two another name"))
    }
    if found.isEmpty, rivals.areMore {
      found.append(
        Violation(
          ["metadata", "name"],
          "the objects of cluster \(cluster.reference) would be named like those of more clusters than can be compared",
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
      Looked up in the cluster's namespace, then in the system's, unless `appCatalog` says which. An app that git \
      does not hold but the cluster does counts where the cluster can be asked. An app that is rejected itself does \
      not count: it will not be there.
      """,
    passing: [.given("an app of the same commit", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .given("no such app", .cluster("app: spark-1.0.0", "app: spark-2.0.0")),
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
        "cluster \(cluster) waits for the change of app \(app.metadata.name), which waits itself",
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
        ["spec", "app"], "app \(spec.app), which cluster \(cluster.reference) names, is rejected itself",
        hint: "fix what is reported for the app")
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
    "cluster/connection-known", .warning, summary: "a connected cluster is one that git holds",
    rationale: """
      Members see the services of connected clusters. One that git does not hold may still live; until it does, \
      members see nothing of it.
      """,
    passing: [
      .given(
        "a cluster of the same namespace",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {clusters: [ledger]}"),
        .add("clusters/ledger.yaml", Fixture.cluster.replacing("name: analytics", with: "name: ledger")))
    ],
    failing: [
      .given(
        "nobody knows it",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {clusters: [ledger]}"))
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    cluster.spec.connections.clusters.enumerated().compactMap { index, name in
      let reference = ObjectReference.cluster(cluster.reference.namespace, name)
      if context.head.holds(reference) { return nil }
      return Violation(
        ["spec", "connections", "clusters", .index(index)],
        "cluster \(cluster.reference) is connected to cluster \(reference), which git does not hold",
        hint: "correct the name, or add that cluster's file")
    }
  }
}
