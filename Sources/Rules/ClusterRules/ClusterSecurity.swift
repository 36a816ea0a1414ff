import KubeDirector
import Values

/// `cluster/plaintext-secret`
enum ClusterPlaintextSecret: ClusterRule {
  static let description = RuleDescription(
    "cluster/plaintext-secret", summary: "no secret key has its value in git",
    rationale: """
      Whoever can read the repository, now or ever, can read it. `secretKeys` in plain text were meant for a request \
      that is encrypted on its way in; a file in git is not.
      """,
    passing: [
      .given(
        "a Secret that is mounted",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /keys}"))
    ],
    failing: [
      .given(
        "a password",
        .cluster("members: 3", "members: 3\n      secretKeys: [{name: password, value: hunter2}]"))
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let keys = role.raw["secretKeys"]?.array else { continue }
      for (position, key) in keys.enumerated() where key["value"]?.string?.isEmpty == false {
        // The value itself is never repeated, not even in part.
        found.append(
          Violation(
            RolePath.of(index, "secretKeys", .index(position), "value"),
            "secret key \(key["name"]?.string ?? "") in role \(role.id) of cluster \(cluster.reference) has its value in git",
            hint: "put it in a Secret and name that in `secret`; consider this value known, and change it"))
      }
    }
    return found
  }
}

/// `cluster/tenancy`
enum ClusterTenancy: ClusterRule {
  static let description = RuleDescription(
    "cluster/tenancy",
    summary:
      "a cluster keeps to the namespaces, service accounts, capabilities and secrets that the daemon allows",
    rationale: """
      A writer of the repository is not an administrator of the cluster. The daemon's configuration alone decides, \
      and never allows `kube-*` or the daemon's own namespace. Judged where that configuration is at hand.
      """,
    passing: [.given("a namespace that is listed", policy: Policy(tenancy: Tenancy(namespaces: ["prod"])))],
    failing: [
      .given("another namespace", policy: Policy(tenancy: Tenancy(namespaces: ["staging"]))),
      .given(
        "a service account",
        .cluster("members: 3", "members: 3\n      serviceAccountName: admin"), policy: Policy()),
      .given(
        "a capability of the app",
        .current(#""version": "1.0.0""#, #""version": "1.0.0", "capabilities": ["SYS_ADMIN"]"#),
        policy: Policy()),
      .given(
        "another team's secret",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /keys}"),
        policy: Policy(tenancy: Tenancy(secretPrefix: "insight-"))),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let policy = context.policy else { return [] }
    let (tenancy, reference) = (policy.tenancy, cluster.reference)
    if !allows(policy, namespace: reference.namespace) {
      return [
        Violation(
          cluster.namesNamespace ? ["metadata", "namespace"] : ["metadata", "name"],
          "cluster \(reference) is in a namespace that this installation may not touch",
          hint: "move it to another namespace, or ask whoever runs the daemon to allow \(reference.namespace)"
        )
      ]
    }
    var found: [Violation] = []
    for capability in app?.spec.capabilities ?? [] where !allows(tenancy.capabilities, capability) {
      found.append(
        Violation(
          ["spec", "app"],
          "app \(cluster.spec.app) asks for the capability \(capability), which cluster \(reference) may not have",
          hint: "use an app without it, or ask whoever runs the daemon to allow it"))
    }
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let account = role.serviceAccountName, !allows(tenancy.serviceAccounts, account) else { continue }
      found.append(
        Violation(
          RolePath.of(index, "serviceAccountName"),
          "role \(role.id) of cluster \(reference) names the service account \(account), which is not allowed",
          hint: "remove it, or ask whoever runs the daemon to allow it"))
    }
    if tenancy.secretPrefix.isEmpty { return found }
    for (path, name) in SecretNames.all(in: cluster.spec) where !name.hasPrefix(tenancy.secretPrefix) {
      found.append(
        Violation(
          path,
          "secret \(name) of cluster \(reference) does not begin with \(tenancy.secretPrefix), as those that may be used do",
          hint: "name a secret that begins with \(tenancy.secretPrefix)"))
    }
    return found
  }

  /// Never `kube-*` and never the daemon's own, whatever is listed.
  static func allows(_ policy: Policy, namespace: String) -> Bool {
    !namespace.hasPrefix("kube-") && namespace != policy.systemNamespace
      && allows(policy.tenancy.namespaces, namespace)
  }

  private static func allows(_ list: [String], _ name: String) -> Bool {
    list.contains { $0 == name || $0 == "*" }
  }
}

/// An app outside the namespaces that the daemon may touch; one rule with `cluster/tenancy`.
enum AppTenancy: AppRule {
  static var description: RuleDescription { ClusterTenancy.description }

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    guard let policy = context.policy, !ClusterTenancy.allows(policy, namespace: app.reference.namespace)
    else {
      return []
    }
    return [
      Violation(
        app.namesNamespace ? ["metadata", "namespace"] : ["metadata", "name"],
        "app \(app.reference) is in a namespace that this installation may not touch",
        hint:
          "move it to another namespace, or ask whoever runs the daemon to allow \(app.reference.namespace)")
    ]
  }
}

/// Every place of a cluster that names a Secret.
enum SecretNames {
  static func all(in spec: ClusterSpec) -> [(path: FieldPath, name: String)] {
    var found: [(path: FieldPath, name: String)] = []
    func add(_ path: FieldPath, _ name: String?) { if let name { found.append((path, name)) } }
    add(["spec", "defaultSecret", "name"], spec.raw["defaultSecret"]?["name"]?.string)
    for (index, name) in spec.connections.secrets.enumerated() {
      add(["spec", "connections", "secrets", .index(index)], name)
    }
    for (index, role) in spec.roles.enumerated() {
      add(RolePath.of(index, "secret", "name"), role.raw["secret"]?["name"]?.string)
      for (position, variable) in role.env.enumerated() {
        add(
          RolePath.of(index, "env", .index(position), "valueFrom", "secretKeyRef", "name"),
          variable.raw["valueFrom"]?["secretKeyRef"]?["name"]?.string)
      }
    }
    return found
  }
}
