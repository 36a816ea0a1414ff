import KubeDirector
import Values

/// The rule `cluster/shared-memory`.
enum ClusterSharedMemory: ClusterRule {
  static let description = RuleDescription(
    "cluster/shared-memory",
    summary: "the shared memory of a role is a quantity greater than zero and at most its memory limit",
    rationale: """
      `sharedMemory` is the size of `/dev/shm`, a file system in memory. What it contains counts towards the \
      memory limit of the container, so it can never become larger than that limit.
      """,
    passing: [
      .given("half of the memory limit", .cluster("members: 3", "members: 3\n      sharedMemory: 2Gi"))
    ],
    failing: [
      .given(
        "more than the memory limit", .cluster("members: 3", "members: 3\n      sharedMemory: 8Gi")),
      .given("zero", .cluster("members: 3", "members: 3\n      sharedMemory: \"0\"")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      guard let size = role.sharedMemory else { continue }
      let subject = "sharedMemory of role \(role.id) of cluster \(cluster.reference)"
      guard let quantity = Quantity(size), !quantity.isZero, !quantity.isNegative else {
        found.append(
          Violation(
            RolePath.of(index, "sharedMemory"),
            "\(subject) is \"\(size)\", which is not a quantity greater than zero",
            hint: "write it in Kubernetes' notation, such as `1Gi`"))
        continue
      }
      guard let memory = role.limits["memory"], let limit = Quantity(memory), quantity > limit else {
        continue
      }
      found.append(
        Violation(
          RolePath.of(index, "sharedMemory"),
          "\(subject) is \(size), more than the memory limit of \(memory)",
          hint: "reduce it to \(memory) or less, or raise `resources.limits.memory`"))
    }
    return found
  }
}
