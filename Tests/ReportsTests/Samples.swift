import Diagnostics
import KubeDirector
import Reports

/// Cluster statuses as the engine writes them, for tests.
enum Sample {
  static let id = "4f2c9ab00000-2"
  static let commit = "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10"

  static func member(
    _ pod: String, app: String = "spark-1.0.0", ledger: MemberStatus.Ledger? = nil,
    reason: StatusReason? = nil
  ) -> MemberStatus {
    MemberStatus(
      pod: pod, nodeID: 1, state: .configured, app: app, upgrade: ledger,
      detail: MemberStatus.Detail(waitingReason: reason))
  }

  static func ledger(done: Bool, script: LifecycleEvent? = nil, id: String = id) -> MemberStatus.Ledger {
    MemberStatus.Ledger(id: id, revision: "r2", script: script, done: done)
  }

  /// An upgrade of five workers with two done, one controller done, and a gateway that stays the same.
  static let upgrading = ClusterStatus(
    state: .updating, app: "spark-1.1.0",
    upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: id), specCommit: commit,
    roles: [
      RoleStatus(
        id: "controller", statefulSet: "analytics-controller", upgradeStatus: .upgraded,
        members: [member("analytics-controller-0", app: "spark-1.1.0", ledger: ledger(done: true))]),
      RoleStatus(
        id: "worker", statefulSet: "analytics-worker", upgradeStatus: .upgrading,
        members: [
          member("analytics-worker-0"), member("analytics-worker-1"),
          member("analytics-worker-2", ledger: ledger(done: false)),
          member("analytics-worker-3", app: "spark-1.1.0", ledger: ledger(done: true)),
          member("analytics-worker-4", app: "spark-1.1.0", ledger: ledger(done: true)),
        ]),
      RoleStatus(id: "gateway", statefulSet: "analytics-gateway", members: [member("analytics-gateway-0")]),
    ])

  static let stalled: ClusterStatus = {
    var status = upgrading
    status.roles[1].members[2].detail.waitingReason = "ErrImagePull"
    status.conditions = [
      Condition(
        type: .stalled, status: true, reason: "ErrImagePull",
        message: "analytics-worker-2: ErrImagePull registry.example/spark:1.1.0 (not found)",
        lastTransition: 0)
    ]
    return status
  }()

  /// The cluster of `upgrading` during its rollback: worker 2 is rolled back, 3 is in progress, 4 waits for it.
  static let rollingBack: ClusterStatus = {
    var status = upgrading
    status.app = "spark-1.0.0"
    status.upgradeInfo = UpgradeInfo(isRollingBack: true, prevApp: "spark-1.1.0", id: id)
    status.roles[0].upgradeStatus = .rollingBack
    status.roles[1].upgradeStatus = .rollingBack
    status.roles[1].members[2] = member(
      "analytics-worker-2", ledger: ledger(done: true, script: .podReverted))
    status.roles[1].members[3] = member("analytics-worker-3", ledger: ledger(done: false))
    return status
  }()

  static let configured = ClusterStatus(
    state: .configured, app: "spark-1.1.0", appCatalog: .local, specCommit: commit,
    roles: [
      RoleStatus(id: "worker", statefulSet: "analytics-worker", members: [member("analytics-worker-0")])
    ])

  static func object(
    _ name: String, _ phase: Phase, kind: String = Wire.clusterKind, change: ChangeKind = .upgrade,
    verdict: Verdict = .accepted, rules: [String] = [], message: String? = nil,
    upgrade: UpgradeProgress? = nil
  ) -> ObjectReport {
    ObjectReport(
      kind: kind, namespace: "prod", name: name, change: change, verdict: verdict, phase: phase, rules: rules,
      message: message, upgrade: upgrade)
  }
}
