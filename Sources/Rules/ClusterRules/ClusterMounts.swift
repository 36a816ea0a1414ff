import KubeDirector
import Values

/// The rule `cluster/mount-path`.
enum ClusterMountPath: ClusterRule {
  static let description = RuleDescription(
    "cluster/mount-path", summary: "nothing is mounted over folders of the system or of the daemon",
    rationale: """
      A Secret at `/etc` or `/opt/guestconfig` would hide the files that programs, scripts and the daemon \
      need. Folders inside them may be used, such as `/etc/krb5`, except inside `/etc/guestconfig`, \
      `/opt/guestconfig`, `/var/log/guestconfig`, `/dev`, `/proc` and `/sys`.
      """,
    passing: [
      .given(
        "a folder of its own",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /etc/spark/keys}"))
    ],
    failing: [
      .given(
        "a Secret over /etc",
        .cluster("members: 3", "members: 3\n      secret: {name: keys, mountPath: /etc/}")
      ),
      .given(
        "a Secret for every role, over the config package",
        .cluster(
          "app: spark-1.0.0",
          "app: spark-1.0.0\n  defaultSecret: {name: keys, mountPath: /opt/guestconfig/keys}")),
      .given(
        "a volume over the programs",
        .cluster("members: 3", "members: 3\n      volumeProjections: [{pvcName: tools, mountPath: /usr}]")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    MountedVolume.all(of: cluster).compactMap { volume in
      guard let path = volume.mountPath, !ContainerPath.allowsMount(at: path) else { return nil }
      return Violation(
        volume.field.appending("mountPath"),
        "\(volume.subject) may not be mounted at \(path), a folder of the system or of the daemon",
        hint: "mount it at another path")
    }
  }
}

/// The rule `cluster/embedded`.
enum ClusterEmbedded: ClusterRule {
  static let description = RuleDescription(
    "cluster/embedded", summary: "a cluster requests nothing that the embedded cluster does not have",
    rationale: """
      The embedded cluster has no Secrets and no volumes that members could share. They would find \
      empty folders. It has no network either, so members cannot fetch files. The rule is judged only by \
      a daemon with an embedded cluster. A rehearsal uses empty folders and fetches no files.
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
      .given(
        "an existing volume",
        .cluster(
          "members: 3", "members: 3\n      volumeProjections: [{pvcName: shared, mountPath: /shared}]"),
        policy: Policy(tenancy: .unlimited, isEmbedded: true)),
      .given(
        "a file from a server",
        .cluster(
          "members: 3",
          "members: 3\n      fileInjections: [{srcURL: \"https://files.example/a.jar\", destDir: /opt}]"),
        policy: Policy(tenancy: .unlimited, isEmbedded: true)),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard context.policy?.isEmbedded == true else { return [] }
    let hint = "remove it, or run the cluster on Kubernetes"
    var found = MountedVolume.all(of: cluster).map { volume in
      Violation(
        volume.field, "\(volume.subject) cannot be mounted: the embedded cluster has no \(volume.kind)",
        hint: hint)
    }
    for (index, role) in cluster.spec.roles.enumerated() where !role.fileInjections.isEmpty {
      found.append(
        Violation(
          RolePath.of(index, "fileInjections"),
          "role \(role.id) of cluster \(cluster.reference) cannot fetch files: the embedded cluster has no network",
          hint: hint))
    }
    return found
  }
}

/// A Secret or volume that a cluster's file mounts, with its place in the file.
private struct MountedVolume {
  var field: FieldPath
  /// For messages.
  var subject: String
  /// The kind of volume that the embedded cluster does not support, for messages.
  var kind: String
  var mountPath: String?

  /// The cluster's `defaultSecret`, and the `secret` and `volumeProjections` of each role.
  static func all(of cluster: Sourced<Cluster>) -> [MountedVolume] {
    var found: [MountedVolume] = []
    func add(_ field: FieldPath, _ secret: JSON?, _ owner: String) {
      guard let secret, let name = SecretMount(secret)?.name else { return }
      found.append(
        MountedVolume(
          field: field, subject: "the Secret \(name) of \(owner)", kind: "Secrets",
          mountPath: secret["mountPath"]?.string))
    }
    add(["spec", "defaultSecret"], cluster.spec.raw["defaultSecret"], "cluster \(cluster.reference)")
    for (index, role) in cluster.spec.roles.enumerated() {
      let owner = "role \(role.id) of cluster \(cluster.reference)"
      add(RolePath.of(index, "secret"), role.raw["secret"], owner)
      for (position, volume) in (role.raw["volumeProjections"]?.array ?? []).enumerated() {
        found.append(
          MountedVolume(
            field: RolePath.of(index, "volumeProjections", .index(position)),
            subject: "the volume claim \(volume["pvcName"]?.string ?? "") of \(owner)",
            kind: "volumes other than those of members", mountPath: volume["mountPath"]?.string))
      }
    }
    return found
  }
}
