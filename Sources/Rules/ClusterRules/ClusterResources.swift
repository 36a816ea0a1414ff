import KubeDirector
import Values

/// The rule `cluster/min-resources`.
enum ClusterMinResources: ClusterRule {
  static let description = RuleDescription(
    "cluster/min-resources", summary: "a role requests at least the app's minimum resources",
    rationale: """
      The request counts, or the limit if there is no request, as in Kubernetes. Quantities are compared by \
      value.
      """,
    passing: [.given("exactly the minimum, written differently", .cluster("memory: 4Gi", "memory: 1024Mi"))],
    failing: [
      .given("half of the minimum", .cluster("memory: 4Gi", "memory: 512Mi")),
      .given(
        "a request below the minimum, with a sufficient limit",
        .cluster(
          "limits: {cpu: \"2\", memory: 4Gi}",
          "limits: {cpu: \"2\", memory: 4Gi}\n        requests: {memory: 512Mi}")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let app else { return [] }
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let appRole = app.spec.role(role.id), !appRole.minResources.isEmpty else { continue }
      for (name, least) in appRole.minResources.sorted(by: { $0.key < $1.key }) {
        guard let minimum = Quantity(least), !minimum.isZero else { continue }
        let isRequested = role.requests[name] != nil
        let given = role.requests[name] ?? role.limits[name]
        if let given, let quantity = Quantity(given), quantity >= minimum { continue }
        found.append(
          Violation(
            RolePath.of(index, "resources", isRequested ? "requests" : "limits", .key(name)),
            "role \(role.id) of cluster \(cluster.reference) requests \(given ?? "no") \(name), less than the \(least) that app \(app.metadata.name) needs",
            hint: "raise it to \(least) or more"))
      }
    }
    return found
  }
}

/// The rule `cluster/storage-size`.
enum ClusterStorageSize: ClusterRule {
  static let description = RuleDescription(
    "cluster/storage-size", summary: "the size of a role's storage is a quantity greater than zero",
    rationale: "Kubernetes refuses a volume claim without a size.",
    passing: [.given("a fraction", .cluster("size: 10Gi", "size: 10.5Gi"))],
    failing: [
      .given("a unit that does not exist", .cluster("size: 10Gi", "size: 10GB")),
      .given("zero", .cluster("size: 10Gi", "size: \"0\"")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let size = role.storageSize else { continue }
      if let quantity = Quantity(size), !quantity.isZero, !quantity.isNegative { continue }
      found.append(
        Violation(
          RolePath.of(index, "storage", "size"),
          "storage of role \(role.id) of cluster \(cluster.reference) is \"\(size)\", which is not a quantity greater than zero",
          hint: "write it in Kubernetes' notation, such as `10Gi`"))
    }
    return found
  }
}

/// The rule `cluster/min-storage`.
enum ClusterMinStorage: ClusterRule {
  static let description = RuleDescription(
    "cluster/min-storage", summary: "a role has at least the app's minimum storage",
    rationale: """
      `minStorage.size` is the minimum for a role with storage. `ephemeralModeSupported: false` means that \
      the role must have storage, because its data would be lost with the pod.
      """,
    passing: [
      .given("exactly the minimum, written differently", .cluster("size: 10Gi", "size: 10240Mi")),
      .given("no storage, where that is supported", .cluster("      storage: {size: 10Gi}\n", "")),
    ],
    failing: [
      .given("half of the minimum", .cluster("size: 10Gi", "size: 5Gi")),
      .given(
        "no storage, where data would be lost",
        .current(#"{"size": "10Gi"}"#, #"{"size": "10Gi", "ephemeralModeSupported": false}"#),
        .cluster("      storage: {size: 10Gi}\n", "")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    guard let app else { return [] }
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let appRole = app.spec.role(role.id), let least = appRole.minStorage else { continue }
      guard let size = role.storageSize else {
        if appRole.ephemeralModeSupported || role.members == 0 { continue }
        found.append(
          Violation(
            RolePath.of(index),
            "role \(role.id) of cluster \(cluster.reference) has no storage, and app \(app.metadata.name) does not run without it",
            hint: "add storage with a size of \(least) or more"))
        continue
      }
      guard let minimum = Quantity(least), let quantity = Quantity(size), !quantity.isZero, quantity < minimum
      else { continue }
      found.append(
        Violation(
          RolePath.of(index, "storage", "size"),
          "storage of role \(role.id) of cluster \(cluster.reference) is \(size), less than the \(least) that app \(app.metadata.name) needs",
          hint: "raise it to \(least) or more"))
    }
    return found
  }
}

/// The rule `cluster/mount-path-unique`.
enum ClusterMountPathUnique: ClusterRule {
  static let description = RuleDescription(
    "cluster/mount-path-unique", summary: "each path is mounted only once",
    rationale: """
      The secret of a role, or the cluster's default secret, projected volumes and persistent folders are mounted \
      into one file system. Kubernetes refuses a path that is used twice.
      """,
    passing: [
      .given(
        "two paths",
        .cluster("members: 3", "members: 3\n      \(MountText.secret)\n      \(MountText.volume("/data"))"))
    ],
    failing: [
      .given(
        "a volume at the path of the secret",
        .cluster("members: 3", "members: 3\n      \(MountText.secret)\n      \(MountText.volume("/keys/"))")),
      .given(
        "a secret at a persistent folder of the app",
        .current(#""cardinality": "1+","#, #""cardinality": "1+", "persistDirs": ["/keys"],"#),
        .cluster("members: 3", "members: 3\n      \(MountText.secret)")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    let inherited = cluster.spec.raw["defaultSecret"]?["mountPath"]?.string
    for (index, role) in cluster.spec.roles.enumerated() {
      let persistent = persistentFolders(role, app)
      func isPersistent(_ path: String) -> Bool {
        !persistent.isEmpty && ContainerPath(path).map(persistent.contains) ?? false
      }
      if let secret = role.secret, isPersistent(secret.path) {
        found.append(
          Violation(
            role.raw["secret"]?["name"] == nil
              ? ["spec", "defaultSecret", "mountPath"] : RolePath.of(index, "secret", "mountPath"),
            "path \(secret.path) in role \(role.id) of cluster \(cluster.reference) is mounted twice: it is also a persistent folder",
            hint: "mount the Secret at another path"))
      }
      for (position, volume) in role.volumeProjections.enumerated() where isPersistent(volume.path) {
        found.append(
          Violation(
            RolePath.of(index, "volumeProjections", .index(position), "mountPath"),
            "path \(volume.path) in role \(role.id) of cluster \(cluster.reference) is mounted twice: it is also a persistent folder",
            hint: "mount the volume at another path"))
      }
      guard let volumes = role.raw["volumeProjections"]?.array, !volumes.isEmpty else { continue }
      let secret = role.raw["secret"]?["mountPath"]?.string ?? inherited
      let paths = [secret ?? ""] + volumes.map { $0["mountPath"]?.string ?? "" }
      for repeated in Repetition.indices(in: paths.map(trimmed)) where !paths[repeated].isEmpty {
        found.append(
          Violation(
            RolePath.of(index, "volumeProjections", .index(repeated - 1), "mountPath"),
            "path \(paths[repeated]) in role \(role.id) of cluster \(cluster.reference) is mounted twice",
            hint: "mount one of the two at another path"))
      }
    }
    return found
  }

  private static func persistentFolders(_ role: ClusterRole, _ app: App?) -> Set<ContainerPath> {
    guard role.storageSize != nil, role.secret != nil || role.raw["volumeProjections"] != nil else {
      return []
    }
    return Set((app?.spec.resolved(role.id)?.persistDirs ?? []).compactMap { ContainerPath($0) })
  }

  private static func trimmed(_ path: String) -> String {
    let slashes = path.utf8.reversed().prefix { $0 == UInt8(ascii: "/") }.count
    return String(decoding: path.utf8.dropLast(max(0, min(slashes, path.utf8.count - 1))), as: UTF8.self)
  }
}

private enum MountText {
  static let secret = "secret: {name: keys, mountPath: /keys}"
  static func volume(_ path: String) -> String {
    "volumeProjections: [{pvcName: shared, mountPath: \(path)}]"
  }
}
