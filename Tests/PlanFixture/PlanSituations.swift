import Diagnostics
import KubeDirector
import Manifests
import Plan
import Reports
import Rules
import Values

/// A repository with two kinds of apps and three clusters, and changes to it.
public struct PlanSituations {
  /// File contents by path, before and after the change.
  var base: [String: String] = Self.files
  public var head: [String: String] = Self.files
  var status: [ClusterFile] = []
  var notes: [String: CommitReport] = [:]
  var history: [ObjectReference: String] = [:]

  static let statusCommit = String(repeating: "5", count: 40)
  static let upgradeCommit = "1d0e77c" + String(repeating: "0", count: 33)

  // MARK: Files

  static let files: [String: String] = [
    "apps/spark-1.0.0.json": spark("1.0.0"), "apps/kafka-3.7.0.json": kafka("3.7.0"),
    "apps/kafka-3.7.1.json": kafka("3.7.1"),
    "clusters/analytics.yaml": cluster("analytics", "spark-1.0.0", sparkRoles()),
    "clusters/reports.yaml": cluster("reports", "spark-1.0.0", sparkRoles(workers: 1)),
    "clusters/ledger.yaml": cluster("ledger", "kafka-3.7.0", [("broker", 3)]),
  ]

  static func sparkRoles(workers: Int = 3) -> [(String, Int)] {
    [("controller", 1), ("worker", workers), ("gateway", 1)]
  }

  static func spark(_ version: String, annotations: String = "{}") -> String {
    """
    {"apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp",
     "metadata": {"name": "spark-\(version)", "namespace": "prod", "annotations": \(annotations)},
     "spec": {
       "label": {"name": "Spark"}, "distroID": "example/spark", "version": "\(version)", "upgradable": true,
       "configSchemaVersion": 7, "defaultImageRepoTag": "registry.example/spark:\(version)",
       "defaultConfigPackage": {"packageURL": "file:///opt/appconfig.tgz", "useNewSetupLayout": true},
       "roles": [
         {"id": "controller", "cardinality": "1", "eventList": ["configure", "addnodes", "delnodes", "cluster_upgraded"]},
         {"id": "worker", "cardinality": "1+"},
         {"id": "gateway", "cardinality": "0+", "imageRepoTag": "registry.example/gateway:2.4", "configPackage": null}
       ],
       "config": {"selectedRoles": ["controller", "worker", "gateway"], "roleServices": []}}}
    """
  }

  static func kafka(_ version: String) -> String {
    """
    {"apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp",
     "metadata": {"name": "kafka-\(version)", "namespace": "prod"},
     "spec": {
       "label": {"name": "Kafka"}, "distroID": "example/kafka", "version": "\(version)", "upgradable": true,
       "configSchemaVersion": 7, "defaultImageRepoTag": "registry.example/kafka:\(version)",
       "defaultConfigPackage": {"packageURL": "file:///opt/appconfig.tgz", "useNewSetupLayout": true},
       "roles": [{"id": "broker", "cardinality": "1+"}],
       "config": {"selectedRoles": ["broker"], "roleServices": []}}}
    """
  }

  static func cluster(_ name: String, _ app: String, _ roles: [(String, Int)]) -> String {
    let entries = roles.map { id, members in
      "    - {id: \(id), members: \(members), resources: {limits: {cpu: \"1\", memory: 1Gi}}}"
    }
    return """
      apiVersion: kubedirector.hpe.com/v1beta1
      kind: KubeDirectorCluster
      metadata: {name: \(name), namespace: prod}
      spec:
        app: \(app)
        roles:
      \(entries.joined(separator: "\n"))

      """
  }

  // MARK: Judging

  public var plan: Plan { planAndMoves.plan }
  public var planAndMoves: (plan: Plan, moves: [ObjectReference: ClusterTransition]) { planned() }

  /// - Parameter effort: The limit for simulating changes.
  public func planned(
    effort: Int = Planner.standardEffort
  ) -> (plan: Plan, moves: [ObjectReference: ClusterTransition]) {
    let (old, new) = (Self.snapshot(base), Self.snapshot(head))
    var live = LiveView(source: .none)
    if !status.isEmpty {
      live = LiveView(source: .tree(commit: Self.statusCommit, age: 180))
      for file in status { live.hold(.cluster(file.namespace, file.name), status: file.status) }
    }
    let judgement = Judge.judge(
      JudgeRequest(base: old, head: new, live: live, history: { [history] in history[$0] }))
    let report = Report(
      base: String(repeating: "a", count: 40), head: String(repeating: "b", count: 40),
      status: status.isEmpty
        ? .none
        : Report.Status(
          source: .tree, commit: Self.statusCommit, cluster: "embedded cluster prod on build-7 (1f2e3d4c)"),
      findings: judgement.findings,
      objects: judgement.objects.map {
        Report.ObjectVerdict(
          object: $0.reference, change: $0.change, verdict: $0.verdict)
      }, notJudged: judgement.notJudged)
    let plan = Planner.plan(
      Planner.Input(
        report: report, judgement: judgement, base: old, head: new, live: live,
        statusAge: status.isEmpty ? nil : 180, history: { [history] in history[$0] }, notes: notes),
      effort: effort)
    return (plan, judgement.transitions)
  }

  public func line(_ file: String, _ number: Int) -> String? {
    (head[file] ?? base[file]).flatMap { SourceText(Array($0.utf8)).line(number) }
  }

  private static func snapshot(_ files: [String: String]) -> Snapshot {
    Snapshot(
      files: files.sorted { $0.key < $1.key }.map {
        ManifestFile.parse(path: $0.key, bytes: Array($0.value.utf8), defaultNamespace: "prod")
      }, defaultNamespace: "prod", contents: { files[$0].map { Array($0.utf8) } })
  }

  // MARK: Situations

  public static let names = [
    "upgrade", "upgrade-many", "behind-stall", "revert-running", "revert-unknown", "revert-late", "resize",
    "comes-and-goes", "no-return", "nothing",
  ]

  public static func named(_ name: String) -> PlanSituations {
    var situation = PlanSituations()
    switch name {
    case "upgrade": situation.upgrade(["analytics"])
    case "upgrade-many":
      situation.upgrade(["analytics", "reports"])
      situation.head["clusters/ledger.yaml"] = cluster("ledger", "kafka-3.7.1", [("broker", 3)])
    case "behind-stall": situation.waitBehindStall()
    case "revert-running", "revert-unknown", "revert-late": situation.revert(name)
    case "resize":
      situation.head["clusters/analytics.yaml"] = cluster("analytics", "spark-1.0.0", sparkRoles(workers: 5))
      situation.head["clusters/ledger.yaml"] = cluster("ledger", "kafka-3.7.0", [("broker", 1)])
    case "comes-and-goes":
      situation.head["clusters/analytics.yaml"] = nil
      situation.head["clusters/lake.yaml"] = cluster("lake", "spark-1.0.0", sparkRoles())
      situation.head["apps/kafka-3.7.1.json"] = nil
      situation.head["clusters/ledger.yaml"] = "kind: KubeDirectorCluster\nspec: {app: [\n"
    case "no-return":
      situation.upgrade(
        ["analytics"],
        annotations:
          #"{"kdops.dev/point-of-no-return": "controller", "kdops.dev/role-order": "worker, controller"}"#)
    default: break
    }
    return situation
  }

  /// A change that restores a text: the base has `other` in one file instead of `text`.
  public static func replacing(_ path: String, _ text: String, with other: String) -> PlanSituations {
    var situation = PlanSituations()
    situation.base[path] = files[path]?.replacing(text, with: other)
    return situation
  }

  private mutating func upgrade(_ clusters: [String], annotations: String = "{}") {
    head["apps/spark-1.1.0.json"] = Self.spark("1.1.0", annotations: annotations)
    for name in clusters {
      let workers = name == "analytics" ? 3 : 1
      head["clusters/\(name).yaml"] = Self.cluster(name, "spark-1.1.0", Self.sparkRoles(workers: workers))
    }
  }

  /// A third version, while the upgrade to the second one has stalled.
  private mutating func waitBehindStall() {
    base["clusters/ledger.yaml"] = Self.cluster("ledger", "kafka-3.7.1", [("broker", 3)])
    head = base
    head["apps/kafka-3.7.2.json"] = Self.kafka("3.7.2")
    head["clusters/ledger.yaml"] = Self.cluster("ledger", "kafka-3.7.2", [("broker", 3)])
    setProgress(
      "ledger", "kafka-3.7.0", "kafka-3.7.1", [.init(id: "broker", done: 1, total: 3, stalled: true)])
    status[0].stalled = "ledger-broker-1: ErrImagePull registry.example/kafka:3.7.1 (not found)"
  }

  private mutating func revert(_ name: String) {
    upgrade(["analytics"])
    swap(&base, &head)
    history = [.cluster("prod", "analytics"): "spark-1.0.0"]
    if name == "revert-running" {
      setProgress(
        "analytics", "spark-1.0.0", "spark-1.1.0",
        [.init(id: "controller", done: 1, total: 1), .init(id: "worker", done: 1, total: 3)])
    } else if name == "revert-late" {
      let rest = ClusterStatus(
        state: .configured, app: "spark-1.1.0", specCommit: Self.upgradeCommit,
        roles: Self.sparkRoles().map { id, count in Self.role(id, count) })
      status = [ClusterFile(namespace: "prod", name: "analytics", status: rest)]
    }
  }

  /// Sets a status and a note with a running upgrade.
  private mutating func setProgress(
    _ name: String, _ from: String, _ to: String, _ roles: [UpgradeProgress.Role]
  ) {
    let running = ClusterStatus(
      state: .updating, app: to,
      upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: from, id: "1d0e77c-2"),
      specCommit: Self.upgradeCommit, roles: roles.map { Self.role($0.id, $0.total) })
    status = [ClusterFile(namespace: "prod", name: name, status: running)]
    let progress = UpgradeProgress(fromApp: from, toApp: to, isRollingBack: false, roles: roles)
    notes[Self.upgradeCommit] = CommitReport(
      commit: Self.upgradeCommit,
      objects: [
        ObjectReport(
          kind: Wire.clusterKind, namespace: "prod", name: name, change: .upgrade, verdict: .accepted,
          phase: .upgrading, upgrade: progress)
      ])
  }

  private static func role(_ id: String, _ members: Int) -> RoleStatus {
    RoleStatus(
      id: id, statefulSet: id, members: (0..<members).map { MemberStatus(pod: "\(id)-\($0)", nodeID: $0) })
  }
}
