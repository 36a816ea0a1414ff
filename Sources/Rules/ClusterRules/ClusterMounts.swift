import KubeDirector
import Values

/// The rule `cluster/mount-path`.
enum ClusterMountPath: ClusterRule {
  static let description = RuleDescription(
    "cluster/mount-path", summary: "nothing is mounted over folders of the system or of the daemon",
    rationale: """
      A Secret at `/etc` or `/opt/guestconfig` would hide the files that programs, scripts and the daemon need. \
      Folders inside them may be used, such as `/etc/krb5`, except inside `/etc/guestconfig`, `/opt/guestconfig`, \
      `/var/log/guestconfig`, `/dev`, `/proc` and `/sys`.
      """,
    passing: [
      .given(
        "a folder of its own",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /etc/spark/keys}"))
    ],
    failing: [
      .given(
        "a Secret over /etc", .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /etc/}")
      ),
      .given(
        "a Secret for every role, over the config package",
        .cluster(
          "app: spark-1.0.0",
          "app: spark-1.0.0\n  defaultSecret: {name: keys, mountPath: /opt/guestconfig/keys}")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    MountedSecret.all(of: cluster).compactMap { secret in
      guard let path = secret.mountPath, !ContainerPath.allowsMount(at: path) else { return nil }
      return Violation(
        secret.field.appending("mountPath"),
        "\(secret.subject) may not be mounted at \(path), a folder of the system or of the daemon",
        hint: "mount it at another path")
    }
  }
}

/// The rule `cluster/embedded`.
enum ClusterEmbedded: ClusterRule {
  static let description = RuleDescription(
    "cluster/embedded", summary: "a cluster requests nothing that the embedded cluster does not have",
    rationale: """
      The embedded cluster has no Secrets that pods could mount. Members would find an empty folder. The rule is \
      judged only by a daemon with an embedded cluster. A rehearsal uses empty folders instead.
      """,
    passing: [
      .given(
        "a Secret, on Kubernetes",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /keys}"),
        policy: Policy(tenancy: .unlimited))
    ],
    failing: [
      .given(
        "a Secret",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /keys}"),
        policy: Policy(tenancy: .unlimited, isEmbedded: true)),
      .given(
        "a Secret for every role",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  defaultSecret: {name: keys, mountPath: /keys}"),
        policy: Policy(tenancy: .unlimited, isEmbedded: true)),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard context.policy?.isEmbedded == true else { return [] }
    return MountedSecret.all(of: cluster).map { secret in
      Violation(
        secret.field, "\(secret.subject) cannot be mounted: the embedded cluster has no Secrets",
        hint: "remove it, or run the cluster on Kubernetes")
    }
  }
}

/// A Secret that a cluster's file mounts, with its place in the file.
private struct MountedSecret {
  var field: FieldPath
  /// For messages.
  var subject: String
  var mountPath: String?

  /// The cluster's `defaultSecret` and the `secret` of each role.
  static func all(of cluster: Sourced<Cluster>) -> [MountedSecret] {
    var found: [MountedSecret] = []
    func add(_ field: FieldPath, _ secret: JSON?, _ owner: String) {
      guard let secret, let name = SecretMount(secret)?.name else { return }
      found.append(
        MountedSecret(
          field: field, subject: "the Secret \(name) of \(owner)", mountPath: secret["mountPath"]?.string))
    }
    add(["spec", "defaultSecret"], cluster.spec.raw["defaultSecret"], "cluster \(cluster.reference)")
    for (index, role) in cluster.spec.roles.enumerated() {
      add(
        RolePath.of(index, "secret"), role.raw["secret"], "role \(role.id) of cluster \(cluster.reference)")
    }
    return found
  }
}
