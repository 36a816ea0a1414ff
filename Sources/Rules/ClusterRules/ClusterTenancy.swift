import KubeDirector
import Values

/// The rule `cluster/tenancy`.
enum ClusterTenancy: ClusterRule {
  static let description = RuleDescription(
    "cluster/tenancy",
    summary: "a cluster uses only what the daemon's configuration allows tenants",
    rationale: """
      A user who can write to the repository is not an administrator of the cluster. Only the lists under \
      `tenancy` in the daemon's configuration decide. What can grant rights, allow access from outside or \
      reach other tenants is denied unless they list it: namespaces, service accounts, capabilities, \
      Secrets, ConfigMaps in `valueFrom`, volume claims, sources of files, types of services, affinity to pods of other namespaces, and \
      labels and annotations with a domain. `kube-*` and the daemon's own namespace are never allowed. The \
      rule is judged only where that configuration is available. The engine leaves out what is not allowed, \
      even if it reached the cluster in another way.
      """,
    passing: [
      .given("a listed namespace", policy: Policy(tenancy: Tenancy(namespaces: ["prod"]))),
      .given(
        "annotations for Prometheus, and labels without a domain: allowed without a list",
        .cluster(
          "members: 3",
          "members: 3\n      podLabels: {team: insight}\n      podAnnotations: {prometheus.io/scrape: \"true\"}"
        ),
        policy: Policy()),
      .given(
        "a Secret with the allowed prefix",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {secrets: [insight-keys]}"),
        policy: Policy(tenancy: Tenancy(secretPrefix: .prefix("insight-")))),
      .given(
        "the pod's own address in a variable",
        .cluster("members: 3", TenancyText.variable("fieldRef", "fieldPath: status.podIP")),
        policy: Policy()),
    ],
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
        "another team's Secret",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {secrets: [ledger-keys]}"),
        policy: Policy(tenancy: Tenancy(secretPrefix: .prefix("insight-")))),
      .given(
        "a Secret in a variable, where none is allowed",
        .cluster("members: 3", TenancyText.variable("secretKeyRef", "name: keys, key: a")), policy: Policy()),
      .given(
        "a ConfigMap in a variable, where none is allowed",
        .cluster("members: 3", TenancyText.variable("configMapKeyRef", "name: site, key: a")),
        policy: Policy()),
      .given(
        "a volume of another cluster",
        .cluster(
          "members: 3", "members: 3\n      volumeProjections: [{pvcName: p-ledger-0, mountPath: /ledger}]"),
        policy: Policy(tenancy: Tenancy(claimPrefix: .prefix("shared-")))),
      .given(
        "a file from a server that no list names",
        .cluster(
          "members: 3",
          "members: 3\n      fileInjections: [{srcURL: \"http://169.254.169.254/latest\", destDir: /opt}]"),
        policy: Policy()),
      .given(
        "a cloud role",
        .cluster("members: 3", "members: 3\n      podAnnotations: {iam.amazonaws.com/role: admin}"),
        policy: Policy()),
      .given(
        "a public DNS name",
        .cluster(
          "members: 3",
          "members: 3\n      serviceAnnotations: {external-dns.alpha.kubernetes.io/hostname: bank.example}"),
        policy: Policy()),
      .given(
        "a port on every node", .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  serviceType: NodePort"),
        policy: Policy()),
      .given(
        "nodes without another tenant's pods",
        .cluster("members: 3", TenancyText.antiAffinity("namespaces: [ledger]")), policy: Policy()),
      .given(
        "nodes without any tenant's pods",
        .cluster("members: 3", TenancyText.antiAffinity("namespaceSelector: {}")), policy: Policy()),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let policy = context.policy else { return [] }
    let reference = cluster.reference
    if !allows(policy, namespace: reference.namespace) {
      return [
        Violation(
          cluster.namesNamespace ? ["metadata", "namespace"] : ["metadata", "name"],
          "cluster \(reference) is in a namespace that this installation may not change",
          hint: namespaceHint(reference.namespace))
      ]
    }
    var denials = Denials(tenancy: policy.tenancy, cluster: cluster)
    denials.addCapabilities(of: app)
    denials.addClusterFields()
    for (index, role) in cluster.spec.roles.enumerated() { denials.add(role, at: index) }
    return denials.found
  }

  static func namespaceHint(_ namespace: String) -> String {
    "move it to another namespace, or ask an administrator to add \(namespace) to `\(Tenancy.Setting.namespaces.key)` in the daemon's configuration"
  }

  /// `kube-*` and the daemon's own namespace are never allowed, whatever the lists contain.
  static func allows(_ policy: Policy, namespace: String) -> Bool {
    !namespace.hasPrefix("kube-") && namespace != policy.systemNamespace
      && policy.tenancy.allows(namespace: namespace)
  }
}

/// Rejects an app outside the namespaces that the daemon may change; shares its id with `cluster/tenancy`.
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
        "app \(app.reference) is in a namespace that this installation may not change",
        hint: ClusterTenancy.namespaceHint(app.reference.namespace))
    ]
  }
}

private enum TenancyText {
  static func variable(_ source: String, _ content: String) -> String {
    "members: 3\n      env: [{name: A, valueFrom: {\(source): {\(content)}}}]"
  }

  static func antiAffinity(_ namespaces: String) -> String {
    """
    members: 3
          affinity:
            podAntiAffinity:
              requiredDuringSchedulingIgnoredDuringExecution:
                - {topologyKey: kubernetes.io/hostname, labelSelector: {}, \(namespaces)}
    """
  }
}
