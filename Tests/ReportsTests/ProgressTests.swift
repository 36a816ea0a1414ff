import KubeDirector
import Reports
import Testing
import Values

@Suite("Progress of an upgrade")
struct ProgressTests {
  typealias Role = UpgradeProgress.Role

  @Test("counts the members of roles that change, and omits a role whose image is the same")
  func forward() {
    #expect(
      UpgradeProgress(Sample.upgrading)
        == UpgradeProgress(
          fromApp: "spark-1.0.0", toApp: "spark-1.1.0", isRollingBack: false,
          roles: [Role(id: "controller", done: 1, total: 1), Role(id: "worker", done: 2, total: 5)]))
  }

  @Test("of a rollback counts only members that the upgrade had touched, done once their old app is restored")
  func back() {
    #expect(
      UpgradeProgress(Sample.rollingBack)
        == UpgradeProgress(
          fromApp: "spark-1.1.0", toApp: "spark-1.0.0", isRollingBack: true,
          roles: [Role(id: "controller", done: 0, total: 1), Role(id: "worker", done: 1, total: 3)]))
  }

  @Test("names the stalled role")
  func stalled() {
    #expect(UpgradeProgress(Sample.stalled)?.roles.map(\.stalled) == [false, true])
  }

  @Test("does not count what an earlier upgrade did")
  func otherLedger() {
    var status = Sample.upgrading
    status.roles[0].members[0].upgrade = Sample.ledger(done: true, id: "another")
    #expect(UpgradeProgress(status)?.roles[0].done == 0)
  }

  @Test("in a note is added up without overflow, whatever numbers it contains")
  func forged() throws {
    let role: JSON = ["id": "worker", "done": 9_223_372_036_854_775_807, "total": .number(1e300)]
    let report = ObjectReport([
      "kind": "KubeDirectorCluster", "namespace": "prod", "name": "analytics", "phase": "upgrading",
      "upgrade": ["fromApp": "a", "toApp": "b", "roles": .array(Array(repeating: role, count: 1000))],
    ])
    let progress = try #require(report?.upgrade)
    #expect(progress.done == 1000 * JSON.countLimit && progress.total == progress.done)
    let negative: JSON = ["id": "worker", "done": -9_223_372_036_854_775_808, "total": -1]
    let none = ObjectReport([
      "kind": "KubeDirectorCluster", "namespace": "prod", "name": "analytics", "phase": "upgrading",
      "upgrade": ["fromApp": "a", "toApp": "b", "roles": [negative]],
    ])
    #expect(none?.upgrade?.done == 0 && none?.upgrade?.total == 0)
  }

  @Test("is nil if no upgrade runs")
  func none() {
    #expect(UpgradeProgress(Sample.configured) == nil)
  }

  @Test(
    "the phase of an accepted change follows from its cluster's status",
    arguments: [
      (Sample.upgrading, Phase.upgrading), (Sample.stalled, .failed), (Sample.rollingBack, .rollingBack),
      (Sample.configured, .done), (ClusterStatus(state: .creating, app: "spark-1.0.0"), .pending),
    ])
  func phase(_ status: ClusterStatus, _ phase: Phase) {
    #expect(Sample.object("analytics", .pending).following(status).phase == phase)
  }

  @Test("a stalled upgrade has a reason, and none once it continues")
  func message() {
    let stalled = Sample.object("analytics", .pending).following(Sample.stalled)
    #expect(stalled.message == "analytics-worker-2: ErrImagePull registry.example/spark:1.1.0 (not found)")
    #expect(stalled.following(Sample.upgrading).message == nil)
  }

  @Test("an upgrade that has ended keeps its roles, with every member done")
  func ended() {
    let ended = Sample.object("analytics", .pending).following(Sample.upgrading).following(Sample.configured)
    #expect(ended.upgrade?.roles.map(\.done) == [1, 5])
    #expect(ended.phase == .done)
  }

  @Test("a rejected or waiting change does not follow the cluster's status")
  func untouched() {
    let rejected = Sample.object("analytics", .rejected, verdict: .rejected)
    #expect(rejected.following(Sample.upgrading) == rejected)
  }

  @Test("a commit has the worst phase of its objects, and is done if it changed none")
  func worst() {
    func phase(_ phases: Phase...) -> Phase {
      CommitReport(commit: Sample.commit, objects: phases.map { Sample.object("a", $0) }).phase
    }
    #expect(phase() == .done)
    #expect(phase(.done, .upgrading, .done) == .upgrading)
    #expect(phase(.upgrading, .rejected) == .rejected)
    #expect(phase(.rejected, .failed, .waiting) == .failed)
    #expect(phase(.waiting, .pending) == .waiting)
  }
}
