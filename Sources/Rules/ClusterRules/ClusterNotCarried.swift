import KubeDirector
import Values

/// The rule `cluster/not-carried`.
enum ClusterNotCarried: ClusterRule {
  static let description = RuleDescription(
    "cluster/not-carried", .warning,
    summary: "a cluster uses no field that this version does not apply to pods",
    rationale: """
      These fields of KubeDirector are read and kept on the object, so that files need not be changed, but \
      this version does not use them. The cluster starts without what they request, and scripts that need it \
      fail in the pod.
      """,
    passing: [
      .given(
        "variables, labels, storage and a Secret are applied to pods",
        .cluster(
          "members: 3",
          "members: 3\n      env: [{name: MODE, value: fast}]\n      secret: {name: keys, mountPath: /keys}")),
      .given(
        "an empty list requests nothing",
        .cluster("members: 3", "members: 3\n      fileInjections: []")),
    ],
    failing: [
      .given(
        "an encrypted key",
        .cluster("members: 3", "members: 3\n      secretKeys: [{name: password, encryptedValue: a9f}]")),
      .given(
        "raw devices",
        .cluster(
          "members: 3",
          "members: 3\n      blockStorage: {pathPrefix: /dev/xvd, numDevices: 2, size: 10Gi, storageClassName: fast}"
        )
      ),
      .given(
        "GPUs that the role does not request",
        .cluster("members: 3", "members: 3\n      env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]")),
      .given("names from UIDs", .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  namingScheme: UID")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    let spec = cluster.spec
    var found = fields.compactMap { field in
      field.isSet(in: spec.raw) ? field.violation(["spec"], "cluster \(cluster.reference)") : nil
    }
    for (index, role) in spec.roles.enumerated() {
      for field in roleFields where field.isSet(in: role.raw) {
        found.append(field.violation(RolePath.of(index), "role \(role.id) of cluster \(cluster.reference)"))
      }
      let reason =
        GPU.isRequested(by: role) ? "Kubernetes sets it for the requested GPUs" : "the role requests no GPU"
      for (position, variable) in role.env.enumerated() where variable.name == GPU.variable {
        found.append(
          Violation(
            RolePath.of(index, "env", .index(position)),
            "variable \(GPU.variable) in role \(role.id) of cluster \(cluster.reference) is not applied to pods: \(reason)",
            hint: "request GPUs in `resources.limits`, such as `nvidia.com/gpu: 1`, and remove the variable"))
      }
    }
    return found
  }

  private static let fields = [
    UncarriedField(
      "namingScheme", "objects are named as with CrNameRole",
      hint: "no action is needed if no script or client relies on names from UIDs",
      isSet: { $0.string == "UID" })
  ]

  private static let roleFields = [
    // A key whose value is in git is already an error.
    UncarriedField(
      "secretKeys", "configmeta.json does not contain the encrypted keys",
      hint: "put the values in a Secret, and add it to `connections.secrets`",
      isSet: { $0.array?.contains { $0["encryptedValue"]?.string != nil } ?? false }),
    UncarriedField(
      "blockStorage", "no member gets the devices",
      hint: "use `storage` if a file system is enough; programs that open the devices fail without them"),
  ]
}
