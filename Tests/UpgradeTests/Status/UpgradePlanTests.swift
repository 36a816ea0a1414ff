import KubeDirector
import Testing
import Upgrade

@Suite("Upgrade settings")
struct UpgradePlanTests {
  private static let tags = ["db": "1.1", "worker": "1.1", "web": "1.1"]

  /// Three roles of a configured cluster, all with different images in 1.1.0.
  static func stage(_ annotations: [String: String] = [:], app: [String: String] = [:]) -> Stage {
    var stage = Stage(
      [.init(id: "db"), .init(id: "worker", members: 2), .init(id: "web", members: 2)],
      versions: ["1.0.0": [:], "1.1.0": tags, "1.2.0": tags.mapValues { _ in "1.2" }])
    stage.settle()
    for (key, value) in annotations { stage.annotate(key, value) }
    stage.appAnnotations["app-1.1.0"] = app
    return stage
  }

  private func claims(_ transcript: String) -> [String] {
    transcript.split(separator: "\n").filter { $0.hasPrefix("claim ") || $0.hasPrefix("done ") }
      .map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
  }

  // MARK: - Budget

  /// The most pods in progress at a time, according to the written statuses.
  private func most(_ stage: Stage) -> Int {
    stage.history.map { $0.members.count { $0.upgrade?.done == false } }.max() ?? 0
  }

  @Test(
    "replace as many pods at a time as the budget of the cluster allows, and no more",
    arguments: [(nil, 3), ("1", 1), ("2", 2), ("7", 3), ("0", 1), ("many", 1)] as [(String?, Int)])
  func budget(value: String?, most wanted: Int) {
    var stage = Self.stage(value.map { [Wire.Annotation.maxUnavailable: $0] } ?? [:])
    stage.history = []
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(stage.status?.app == "app-1.1.0" && stage.status?.state == .configured)
    #expect(most(stage) == wanted)
    #expect(stage.violations == [])
  }

  @Test("take the budget of the app, unless the cluster sets its own")
  func budgetOfApp() {
    var stage = Self.stage(app: [Wire.Annotation.maxUnavailable: "1"])
    stage.history = []
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(most(stage) == 1)
    stage = Self.stage([Wire.Annotation.maxUnavailable: "2"], app: [Wire.Annotation.maxUnavailable: "1"])
    stage.history = []
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(most(stage) == 2)
  }

  @Test("count a pod that is down against the budget, and the status says so")
  func usedUp() {
    var stage = Self.stage([Wire.Annotation.maxUnavailable: "1"])
    stage.slowPods = ["web-0"]
    stage.terminate("c-web-0")
    stage.settle()
    stage.commit(app: "app-1.1.0")
    stage.settle()
    // The pod that is down may be replaced: that costs no service.
    #expect(stage.member("web-0")?.upgrade == nil && stage.member("db-0")?.upgrade == nil)
    #expect(
      stage.status?.condition(.progressing)?.message.contains(
        "db waits until fewer than 1 of the cluster's pods are out of service") == true)
    stage.slowPods = []
    stage.settle()
    #expect(stage.status?.app == "app-1.1.0" && stage.status?.state == .configured)
  }

  @Test("apply the budget to a rollback, in which a stuck pod blocks no other")
  func budgetOnTheWayBack() {
    var stage = Self.stage([Wire.Annotation.maxUnavailable: "1"])
    stage.badImages = ["web:1.1"]
    stage.commit(app: "app-1.1.0")
    stage.settle()
    stage.commit(app: "app-1.0.0")
    stage.history = []
    stage.settle()
    #expect(stage.status?.app == "app-1.0.0" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("roll a failed pod back first, while serving pods wait")
  func failedFirst() throws {
    var stage = Self.stage([Wire.Annotation.maxUnavailable: "1"])
    stage.exitCodes["web-0 pod_upgraded"] = 4
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(stage.member("web-0")?.state == .configError && stage.member("db-0")?.upgrade?.done == true)
    stage.commit(app: "app-1.0.0")
    let transcript = stage.record { $0.settle() }
    let lines = transcript.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }
    let back = try #require(lines.firstIndex(of: "script web-0 --pod_reverted"))
    let next = try #require(lines.firstIndex(of: "claim db-0 PodRollingBack"))
    #expect(back < next)
    #expect(stage.violations == [])
  }

  // MARK: - Order

  @Test("upgrade roles by stage, in parallel within a stage, and unnamed roles last")
  func order() {
    var stage = Self.stage([Wire.Annotation.roleOrder: "worker, db"])
    stage.commit(app: "app-1.1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      claims(transcript) == [
        "claim worker-1", "done worker-1", "claim worker-0", "done worker-0", "claim db-0", "done db-0",
        "claim web-1", "done web-1", "claim web-0",
      ])
    #expect(stage.violations == [])
    stage = Self.stage([Wire.Annotation.roleOrder: "db web, worker"])
    stage.commit(app: "app-1.1.0")
    stage.settle { $0.member("web-1")?.upgrade != nil }
    #expect(stage.member("db-0")?.upgrade != nil && stage.member("worker-1")?.upgrade == nil)
    #expect(
      stage.status?.condition(.progressing)?.message
        == "from app-1.0.0 to app-1.1.0; worker waits for role db")
  }

  @Test("leave later stages untouched while a role is stuck; a rollback starts with the last stage")
  func orderBack() {
    var stage = Self.stage([Wire.Annotation.roleOrder: "db,worker,web"])
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(stage.member("db-0")?.upgrade?.done == true && stage.member("web-1")?.upgrade == nil)
    stage.commit(app: "app-1.0.0")
    let transcript = stage.record { $0.settle() }
    #expect(claims(transcript) == ["claim worker-1", "done worker-1", "claim db-0", "done db-0"])
    #expect(stage.status?.app == "app-1.0.0" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  // MARK: - Point of no return

  @Test("allow a rollback before the point of no return")
  func before() {
    var stage = Self.stage(
      [Wire.Annotation.roleOrder: "worker,db"], app: [Wire.Annotation.pointOfNoReturn: "db"])
    stage.commit(app: "app-1.1.0")
    stage.settle { $0.member("worker-1")?.upgrade?.done == true }
    stage.commit(app: "app-1.0.0")
    stage.settle()
    #expect(stage.status?.app == "app-1.0.0" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("refuse a rollback past the point of no return, also after the upgrade has ended")
  func past() {
    var stage = Self.stage(app: [Wire.Annotation.pointOfNoReturn: "db"])
    stage.commit(app: "app-1.1.0")
    stage.settle { $0.member("db-0")?.podUpgradeStatus == .configured }
    stage.commit(app: "app-1.0.0")
    stage.settle { _ in true }
    #expect(stage.status?.upgradeInfo?.isRollingBack == false)
    #expect(
      stage.status?.condition(.progressing)?.message.hasSuffix(
        "app-1.0.0 is requested again, but the point of no return of app-1.1.0 is passed") == true)
    stage.settle()
    #expect(stage.status?.app == "app-1.1.0" && stage.status?.upgradeInfo == nil)
    #expect(
      stage.status?.condition(.stalled)?.message
        == "app app-1.0.0 is older than app-1.1.0, which runs, and a rollback is not possible; name app-1.1.0 in git again"
    )
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(stage.status?.condition(.stalled)?.status == false)
    stage.commit(app: "app-1.2.0")
    stage.settle()
    #expect(stage.status?.app == "app-1.2.0" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("suggest a retry and no revert for a stall past the point of no return")
  func stalledPast() {
    var stage = Self.stage(app: [Wire.Annotation.pointOfNoReturn: "*"])
    stage.exitCodes["db-0 pod_upgraded"] = 4
    stage.commit(app: "app-1.1.0")
    stage.settle()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-db-0: startscript --pod_upgraded ended with exit code 4; the point of no return of app-1.1.0 is passed; "
        + "fix the cause, then kdops retry default/c/c-db-0")
    stage.exitCodes = [:]
    stage.annotate(Wire.Annotation.retry, "c-db-0 1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1.0" && stage.status?.state == .configured)
  }

  // MARK: - Changes during an upgrade

  @Test(
    "stop all steps on suspension after any write, and reach the same end after resumption", arguments: 0..<24
  )
  func suspended(writes: Int) {
    var stage = Self.stage()
    stage.badImages = ["web:1.1"]
    stage.commit(app: "app-1.1.0")
    stage.daemon.life = writes
    stage.settle { $0.daemon.life == nil }
    stage.daemon.life = nil
    stage.annotate(Wire.Annotation.suspend, "true")
    stage.settle()
    // What Kubernetes and scripts had in progress is over: nothing moves any more.
    let (orders, sets) = (stage.orders, stage.sets.mapValues(\.generation))
    stage.annotate("touched", "1")
    let transcript = stage.record { $0.settle() }
    #expect(!transcript.contains("claim") && !transcript.contains("apply") && !transcript.contains("script"))
    #expect(stage.orders == orders && stage.sets.mapValues(\.generation) == sets)
    #expect(stage.status?.condition(.progressing)?.reason == "Suspended")
    stage.annotate(Wire.Annotation.suspend, nil)
    stage.commit(app: "app-1.0.0")
    stage.settle()
    #expect(stage.status?.app == "app-1.0.0" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test(
    "resize the cluster only after the upgrade or its rollback has ended",
    arguments: [true, false])
  func resized(isRollingBack: Bool) {
    var stage = Self.stage()
    stage.commit(app: "app-1.1.0")
    stage.settle { $0.member("worker-1")?.upgrade != nil }
    if isRollingBack { stage.commit(app: "app-1.0.0") }
    stage.commit(members: 1, of: "web")
    stage.commit(members: 3, of: "worker")
    stage.settle { $0.status?.upgradeInfo == nil }
    #expect(stage.history.last { $0.upgradeInfo != nil }?.members.count == 5)
    stage.settle()
    #expect(stage.status?.role("worker")?.members.count == 3 && stage.status?.role("web")?.members.count == 1)
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("upgrade a role that is removed during the upgrade, and delete it afterwards")
  func dropped() {
    var stage = Self.stage()
    stage.commit(app: "app-1.1.0")
    stage.settle { $0.member("worker-1")?.upgrade != nil }
    stage.commit(withoutRole: "web")
    stage.settle()
    #expect(stage.status?.roles.map(\.id) == ["db", "worker"])
    #expect(stage.status?.app == "app-1.1.0" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test(
    "write, run and replace nothing more in a cluster that is deleted during the upgrade")
  func deleted() {
    var stage = Self.stage()
    stage.commit(app: "app-1.1.0")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .configured }
    stage.cluster.metadata.deletionTimestamp = "2026-01-31T09:05:00Z"
    stage.clusterVersion += 1
    let (writes, orders) = (stage.statusWrites, stage.orders)
    stage.settle()
    #expect(stage.statusWrites == writes && stage.orders == orders)
    #expect(stage.decision() == nil)
  }
}
