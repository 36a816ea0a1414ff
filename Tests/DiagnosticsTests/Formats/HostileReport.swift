import Diagnostics

/// A report for testing renderers: one finding of each kind, and texts that try to break out of each format.
enum HostileReport {
  static let hostile = "a]]>b%0Ac\nd\r::error::e\u{0}\u{1B}[31m\u{202E}f\"g'<h>&\u{FFFE}{0}[i](j)##[error]|`"

  static let cluster = ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "analytics")
  static let app = ObjectReference(kind: "KubeDirectorApp", namespace: "prod", name: "spark-1.1.0")

  static func finding(
    _ rule: String, _ severity: Severity, _ file: String? = nil, _ line: Int = 1, _ column: Int = 1,
    _ length: Int = 1,
    object: ObjectReference? = nil, message: String = "this is wrong", hint: String? = nil
  ) -> Diagnostic {
    Diagnostic(
      rule: rule, severity: severity,
      location: file.map { SourceLocation(file: $0, line: line, column: column, length: length) },
      object: object, message: message, hint: hint)
  }

  static let report = Report(
    base: "1111111111111111111111111111111111111111", head: "2222222222222222222222222222222222222222",
    status: .init(source: .tree, commit: "3333333333333333333333333333333333333333"),
    findings: [
      finding(
        "upgrade/newer", .error, "clusters/prod/analytics.yaml", 7, 8, 11, object: cluster,
        message: "version 1.0.3 is not newer than 1.1.0, which cluster prod/analytics runs",
        hint: "publish the image under a version above 1.1.0"),
      finding(
        "cluster/busy", .waiting, "clusters/prod/busy.yaml", 3, 1,
        object: ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "busy"),
        message: "an upgrade runs (2 of 3)"),
      finding(
        "upgrade/name", .warning, "clusters/prod/analytics.yaml", 7, 8, 11, object: cluster,
        message: "odd name"),
      finding(
        "app/in-use", .error, object: app, message: "is used by prod/analytics", hint: "keep it"),
      // A duplicate.
      finding("cluster/env", .error, "clusters/prod/analytics.yaml", 9, 3, object: cluster),
      finding("cluster/env", .error, "clusters/prod/analytics.yaml", 12, 3, object: cluster),
      // Each part is hostile, and its rule is not in the registry.
      finding(
        "api/invalid", .error, "clusters/50%, a:b\\c ü\u{FFFD}\n::set.yaml", 2, 5, 4,
        object: ObjectReference(kind: "K", namespace: hostile, name: hostile), message: hostile,
        hint: hostile),
      finding("file/syntax", .error, "apps/]]>.json", 4, 2, message: hostile),
    ],
    objects: [
      .init(object: cluster, change: .upgrade, verdict: .rejected),
      .init(object: app, change: .delete, verdict: .rejected),
      .init(
        object: ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "busy"),
        change: .resize, verdict: .waiting),
      .init(
        object: ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "ledger"),
        change: .resize, verdict: .accepted),
      .init(
        object: ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "same"), change: .none,
        verdict: .unchanged),
    ],
    notJudged: ["rollback/once", "upgrade/configured"])

  static let rules = [
    RuleHelp(
      id: "upgrade/newer", severity: .error, summary: "the candidate is newer", rationale: "Because."),
    RuleHelp(
      id: "upgrade/configured", severity: .waiting, summary: "the cluster is configured",
      rationale: "One upgrade at a time."),
  ]
}
