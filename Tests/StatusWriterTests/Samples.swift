import KubeDirector
import Reports

/// Statuses and reports to write.
enum Sample {
  static let commit = "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10"

  static let configured = ClusterStatus(
    state: .configured, app: "spark-1.1.0", specCommit: commit,
    roles: [RoleStatus(id: "worker", statefulSet: "analytics-worker", members: [])])

  static let upgrading = ClusterStatus(
    state: .updating, app: "spark-1.1.0",
    upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: "4f2c9ab00000-2"),
    specCommit: commit, roles: [])

  static func object(_ name: String, _ phase: Phase) -> ObjectReport {
    ObjectReport(
      kind: Wire.clusterKind, namespace: "prod", name: name, change: .upgrade, verdict: .accepted,
      phase: phase)
  }
}
