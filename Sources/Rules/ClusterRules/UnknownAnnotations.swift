import KubeDirector
import Values

/// The rule `cluster/unknown-annotation`.
enum ClusterUnknownAnnotation: ClusterRule {
  static let description = RuleDescription(
    "cluster/unknown-annotation", .warning,
    summary: "each annotation of a cluster below `kdops.dev/` is one that kdops knows, and no label is",
    rationale: """
      A misspelt annotation has no effect: the cluster is not suspended, adopted or upgraded in the intended \
      order. kdops reads no labels from files.
      """,
    passing: [
      .given("a known annotation", .cluster(annotation: Wire.Annotation.suspend, "true")),
      .given("another domain", .cluster(annotation: "example.com/suspended", "true")),
    ],
    failing: [
      .given("a typing error", .cluster(annotation: "kdops.dev/suspended", "true")),
      .given(
        "a label", .cluster("namespace: prod", "namespace: prod\n  labels: {kdops.dev/suspend: \"true\"}")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    OwnKeys.forClusters.violations(in: cluster.metadata, of: "cluster \(cluster.reference)")
  }
}

/// The rule `app/unknown-annotation`.
enum AppUnknownAnnotation: AppRule {
  static let description = RuleDescription(
    "app/unknown-annotation", .warning,
    summary: "each annotation of an app below `kdops.dev/` is one that has an effect on apps",
    rationale: """
      A misspelt annotation has no effect: an upgrade can be rolled back past the intended point of no return. \
      Some annotations have an effect only on clusters.
      """,
    passing: [.given("a known annotation", .candidate(annotation: Wire.Annotation.pointOfNoReturn, "*"))],
    failing: [
      .given("a typing error", .candidate(annotation: "kdops.dev/point-of-no-retrun", "worker")),
      .given("on the wrong object", .candidate(annotation: Wire.Annotation.suspend, "true")),
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    OwnKeys.forApps.violations(in: app.metadata, of: "app \(app.reference.name)")
  }
}

/// The keys below `kdops.dev/` that may be on an object of a kind.
private struct OwnKeys: Sendable {
  /// The annotations that users set.
  let known: [String]
  /// The annotations that the daemon writes, and those that another rule reports. Live objects have them.
  let others: Set<String>
  private static let otherLabels: Set<String> = [Wire.Label.source]

  private static let shared = [
    Wire.Annotation.adopt, Wire.Annotation.maxUnavailable, Wire.Annotation.roleOrder,
  ]

  static let forClusters = OwnKeys(
    known: shared + [
      Wire.Annotation.suspend, Wire.Annotation.retry, Wire.Annotation.deleteVolumes,
      Wire.Annotation.gracePeriod,
    ],
    others: Wire.Annotation.written.union([Wire.Annotation.pointOfNoReturn]))
  static let forApps = OwnKeys(
    known: shared + [Wire.Annotation.pointOfNoReturn], others: Wire.Annotation.written)

  private static let domain = Array("\(Wire.ownDomain)/".utf8)

  func violations(in metadata: Metadata, of subject: String) -> [Violation] {
    let annotations = Self.own(metadata.annotations).filter { !others.contains($0) && !known.contains($0) }
    let labels = Self.own(metadata.labels).filter { !Self.otherLabels.contains($0) }
    return annotations.prefix(Violation.limit).map { key in
      Violation(
        ["metadata", "annotations", .key(key)],
        "annotation \(String(key.unicodeScalars.prefix(80))) of \(subject) has no effect: kdops does not know it there",
        hint: Hint.oneOf(known, insteadOf: key, or: "remove it"))
    }
      + labels.prefix(Violation.limit).map { key in
        Violation(
          ["metadata", "labels", .key(key)],
          "label \(String(key.unicodeScalars.prefix(80))) of \(subject) has no effect: kdops reads no labels from files",
          hint: known.contains(key) ? "move it to `annotations`" : "remove it")
      }
  }

  private static func own(_ pairs: [String: String]) -> [String] {
    pairs.isEmpty ? [] : pairs.keys.filter { $0.utf8.starts(with: domain) }.sorted()
  }
}
