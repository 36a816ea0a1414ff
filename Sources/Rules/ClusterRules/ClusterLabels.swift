import KubeDirector
import Values

/// The rule `cluster/labels`.
enum ClusterLabels: ClusterRule {
  static let description = RuleDescription(
    "cluster/labels", summary: "labels and annotations of pods and services are valid in Kubernetes",
    rationale: """
      A key is a name of at most 63 characters, with an optional DNS name and a slash before it. A label's \
      value has at most 63 characters. Only kdops sets keys of the domains `kubedirector.hpe.com` and \
      `kdops.dev`, because it identifies objects by them.
      """,
    passing: [
      .given(
        "a key with a prefix",
        .cluster("members: 3", "members: 3\n      podLabels: {example.com/team: insight}"))
    ],
    failing: [
      .given(
        "a space in a value", .cluster("members: 3", "members: 3\n      podLabels: {team: our insight}")),
      .given(
        "one slash too many",
        .cluster("members: 3", "members: 3\n      serviceAnnotations: {example.com/a/b: x}")),
      .given(
        "a label that kdops sets itself",
        .cluster("members: 3", "members: 3\n      podLabels: {kubedirector.hpe.com/role: controller}")),
      .given(
        "an annotation that kdops sets itself",
        .cluster("members: 3", "members: 3\n      podAnnotations: {kdops.dev/stamp: x}")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      func check(_ values: [String: String], _ member: String, isLabels: Bool) {
        if values.isEmpty { return }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
          guard let problem = problem(key, value, isLabel: isLabels) else { continue }
          let what = isLabels ? "label" : "annotation"
          found.append(
            Violation(
              RolePath.of(index, .key(member), .key(key)),
              "\(what) \(key) in role \(role.id) of cluster \(cluster.reference) \(problem.message)",
              hint: problem.hint))
        }
      }
      check(role.podLabels, "podLabels", isLabels: true)
      check(role.serviceLabels, "serviceLabels", isLabels: true)
      check(role.podAnnotations, "podAnnotations", isLabels: false)
      check(role.serviceAnnotations, "serviceAnnotations", isLabels: false)
    }
    return found
  }

  private static func problem(_ key: String, _ value: String, isLabel: Bool) -> (
    message: String, hint: String
  )? {
    if !LabelCheck.isKey(key) {
      return (
        "has a key that Kubernetes does not accept",
        "use at most 63 letters, digits, `-`, `_` and `.`, with an optional DNS name and `/` before them"
      )
    }
    if KeyList.isReserved(key) {
      return ("has a key that is reserved for kdops", "remove it, or use a key with another domain")
    }
    guard isLabel else { return nil }
    if LabelCheck.isValue(value) { return nil }
    return (
      "has the value \"\(value.prefix(80))\", which Kubernetes does not accept",
      "use at most 63 letters, digits, `-`, `_` and `.`, or make it an annotation"
    )
  }
}

/// The syntax of labels. Source: apimachinery, `pkg/util/validation`.
enum LabelCheck {
  static func isKey(_ key: String) -> Bool {
    guard let slash = key.utf8.firstIndex(of: UInt8(ascii: "/")) else { return isName(key[...]) }
    let prefix = String(key[..<slash])
    return DNSName.isSubdomain(prefix)
      && isName(key[key.utf8.index(after: slash)...])
  }

  static func isValue(_ value: String) -> Bool { value.isEmpty || isName(value[...]) }

  private static func isName(_ text: Substring) -> Bool {
    guard (1...63).contains(text.utf8.count), let first = text.utf8.first, let last = text.utf8.last,
      isAlphanumeric(first), isAlphanumeric(last)
    else { return false }
    return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
  }
}

/// The rule `cluster/env`.
enum ClusterEnv: ClusterRule {
  static let description = RuleDescription(
    "cluster/env", summary: "every variable of a role has a valid, unique name and a value",
    rationale:
      "Otherwise Kubernetes refuses the pod. If a name occurs twice, only the last value would be used.",
    passing: [
      .given(
        "a name and a value", .cluster("members: 3", "members: 3\n      env: [{name: MODE, value: fast}]"))
    ],
    failing: [
      .given(
        "an equals sign", .cluster("members: 3", "members: 3\n      env: [{name: MODE=fast, value: x}]")),
      .given(
        "the same name twice",
        .cluster(
          "members: 3", "members: 3\n      env: [{name: MODE, value: fast}, {name: MODE, value: slow}]")),
      .given("no value", .cluster("members: 3", "members: 3\n      env: [{name: MODE}]")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() where !role.env.isEmpty {
      let repeated = Set(Repetition.indices(in: role.env, by: { $0.name }))
      for (position, variable) in role.env.enumerated() {
        let subject = "variable \(variable.name) in role \(role.id) of cluster \(cluster.reference)"
        func add(_ member: FieldPath.Step?, _ problem: String, _ hint: String) {
          let path = RolePath.of(index, "env", .index(position))
          found.append(Violation(member.map(path.appending) ?? path, "\(subject) \(problem)", hint: hint))
        }
        if !isName(variable.name) {
          add(
            "name", "has a name that Kubernetes does not accept",
            "use letters, digits, `_`, `-` and `.`, and no digit as the first character")
        }
        if repeated.contains(position) { add("name", "is set a second time", "remove one of the two") }
        if variable.value == nil, variable.raw["valueFrom"] == nil {
          add(nil, "has no value", "add `value`, or `value: \"\"` for an empty one")
        }
      }
    }
    return found
  }

  /// The syntax of apimachinery's `IsEnvVarName`.
  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first), name != ".", !name.hasPrefix("..")
    else {
      return false
    }
    return name.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
        || $0 == 0x5F || $0 == 0x2D || $0 == 0x2E
    }
  }
}
