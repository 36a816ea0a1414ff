import KubeDirector
import Values

/// The rule `cluster/plaintext-secret`.
enum ClusterPlaintextSecret: ClusterRule {
  static let description = RuleDescription(
    "cluster/plaintext-secret", summary: "no secret key has its value in git",
    rationale: """
      Everyone who can read the repository, now or later, can read the value. Plain text in `secretKeys` was \
      meant for a request that is encrypted in transit; a file in git is not encrypted.
      """,
    passing: [
      .given(
        "a variable that takes its value from a Secret",
        .cluster(
          "members: 3",
          "members: 3\n      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}]")
      )
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
        // Messages never include the value, not even a part of it.
        found.append(
          Violation(
            RolePath.of(index, "secretKeys", .index(position), "value"),
            "secret key \(key["name"]?.string ?? "") in role \(role.id) of cluster \(cluster.reference) has its value in git",
            hint:
              "treat the value as disclosed and change it; put the new one in a Secret, and name the Secret in `connections.secrets` or in `valueFrom` of a variable"
          ))
      }
    }
    return found
  }
}
