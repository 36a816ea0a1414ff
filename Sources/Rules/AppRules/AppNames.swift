import KubeDirector
import Values

/// The rule `app/schema`. The file reader reports it, from the app's CRD.
enum AppSchema: ReadingRule {
  static let description = RuleDescription(
    "app/schema", summary: "an app matches the schema of its CRD",
    rationale: """
      Label, `distroID`, version and cardinalities are required and not empty; ids, URLs, ports and \
      quantities must have a valid format. The API server gets the same schema, so nothing passes here that \
      it would refuse. No other rule judges an object that violates its schema.
      """,
    passing: [
      .given("all required fields", .candidate(#""cardinality": "1""#, #""cardinality": "2+""#))
    ],
    failing: [
      .given(
        "a cardinality that is not a number", .candidate(#""cardinality": "1""#, #""cardinality": "one""#)),
      .given("a port that does not exist", .candidate(#""port": 8080"#, #""port": 80800"#)),
    ])
}

/// The rule `app/name`.
enum AppName: AppRule {
  static let description = RuleDescription(
    "app/name", summary: "an app's name is a DNS-1123 subdomain of at most 63 characters",
    rationale: """
      Kubernetes accepts no other name. The name is also the value of a label on the objects of every \
      cluster that runs the app, and a label's value has at most 63 characters.
      """,
    passing: [
      .given("a version as suffix", .candidate(#""name": "spark-1.1.0""#, #""name": "spark-1.2.0-rc.1""#))
    ],
    failing: [.given("capital letters", .candidate(#""name": "spark-1.1.0""#, #""name": "Spark-1.1.0""#))])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    let name = app.reference.name
    if DNSName.isSubdomain(name, limit: 63) { return [] }
    return [
      Violation(
        ["metadata", "name"], "app name \"\(name)\" is not a DNS-1123 subdomain of at most 63 characters",
        hint: "use lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit")
    ]
  }
}

/// The rule `app/semver`.
enum AppSemver: AppRule {
  static let description = RuleDescription(
    "app/semver", .warning, summary: "an app's version follows Semantic Versioning 2.0.0",
    rationale: """
      An upgrade compares versions by SemVer precedence. Without it, no cluster can be upgraded from or to \
      the app. This is an error if `upgradable` is `true`, else a warning: many existing apps have a version \
      such as `3.2`.
      """,
    passing: [.given("a pre-release", .candidate(#""version": "1.1.0""#, #""version": "1.1.0-rc.1""#))],
    failing: [
      .given("an upgradable app", .candidate(#""version": "1.1.0""#, #""version": "1.1""#)),
      .given(
        "an app without `upgradable`: a warning",
        .candidate(#""version": "1.1.0", "upgradable": true"#, #""version": "1.1""#)),
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    let version = app.spec.version
    if SemanticVersion(version) != nil { return [] }
    let isUpgradable = app.spec.upgradable == true
    return [
      Violation(
        ["spec", "version"], severity: isUpgradable ? .error : .warning,
        "version \"\(version)\" of app \(app.reference.name) is not a semantic version"
          + (isUpgradable ? ", yet the app is upgradable" : ""),
        hint: SemverAdvice.hint(for: version))
    ]
  }
}
