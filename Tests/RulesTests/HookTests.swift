import Diagnostics
import KubeDirector
import Testing

@testable import Rules

@Suite("Evaluation without a cluster")
struct HookTests {
  let start = Repository()

  @Test("lists the rules that need a status as not judged if there is none")
  func notJudged() throws {
    #expect(Repository.judge(start, try start.upgraded).notJudged == ["upgrade/configured"])
    let more = try start.with(.cluster("members: 3", "members: 4"))
    #expect(Repository.judge(start, more).notJudged == ["cluster/busy"])
    let back = Repository.judge(try start.upgraded, start, history: "spark-1.0.0")
    #expect(back.notJudged == ["rollback/only-prev-app", "rollback/once"])
    #expect(Repository.judge(nil, start).notJudged == [])
    #expect(Repository.judge(start, try start.upgraded, live: .of(.configured)).notJudged == [])
  }

  @Test("treats a revert to the previous app as a rollback with a warning")
  func emergencyRevert() throws {
    let judgement = Repository.judge(try start.upgraded, start, history: "spark-1.0.0")
    #expect(judgement.outcome(Repository.analytics) == "rollback accepted")
    #expect(judgement.summary == ["warning upgrade/newer"])
    #expect(
      judgement.findings.first?.message.hasSuffix(
        "this is a rollback while the upgrade runs, and is rejected once it has finished") == true)
  }

  @Test("rejects a change to an older app that was not the previous one")
  func notTheLastApp() throws {
    let judgement = Repository.judge(try start.upgraded, start, history: "spark-0.9.0")
    #expect(judgement.summary == ["error upgrade/newer"])
  }

  @Test("lets a change wait, but never fail, because of the status tree")
  func treeStatus() throws {
    let tree = LiveView.of(.configured, source: LiveView.treeSource)
    let larger = try start.with(.cluster("size: 10Gi", "size: 20Gi"))
    let judgement = Repository.judge(start, larger, live: tree)
    #expect(judgement.summary == ["waiting cluster/role-read-only"])
    #expect(judgement.outcome(Repository.analytics) == "reconfigure waiting")

    let busy = LiveView.of(.upgrading, source: LiveView.treeSource)
    let third = try start.with(
      .cluster("app: spark-1.0.0", "app: spark-1.2.0"), .add("apps/spark-1.2.0.json", Fixture.third))
    #expect(
      Repository.judge(try start.upgraded, third, live: busy).summary == ["waiting rollback/only-prev-app"])
  }

  @Test("treats a revert as a rollback without a warning if the status tree has the upgrade")
  func treeRollback() throws {
    let tree = LiveView.of(.upgrading, source: LiveView.treeSource)
    let judgement = Repository.judge(try start.upgraded, start, live: tree)
    #expect(judgement.outcome(Repository.analytics) == "rollback accepted")
    #expect(judgement.findings.isEmpty)
  }

  @Test("lets a revert past a point of no return wait by the status tree, and does not judge it without one")
  func treeNoReturn() throws {
    let base = try start.upgraded.with(RollbackPointOfNoReturn.atWorker)
    let head = try start.with(RollbackPointOfNoReturn.atWorker)
    let late = Repository.judge(base, head, live: .of(.late, source: LiveView.treeSource))
    #expect(late.summary == ["waiting rollback/point-of-no-return"])
    #expect(late.outcome(Repository.analytics) == "rollback waiting")
    // This also applies if the revert removes the app that has the annotation.
    let gone = try start.with(.remove(Fixture.candidatePath))
    #expect(
      Repository.judge(base, gone, live: .of(.late)).summary.contains("error rollback/point-of-no-return"))
    #expect(Repository.judge(base, head, live: .of(.upgrading)).findings.isEmpty)
    #expect(
      Repository.judge(base, head, history: "spark-1.0.0").notJudged == [
        "rollback/only-prev-app", "rollback/once", "rollback/point-of-no-return",
      ])
  }

  @Test("does not reject an upgrade because of members that only the status tree contains")
  func treeCardinality() throws {
    let base = try start.with(.cluster("members: 3", "members: 5"))
    let head = try base.upgraded.with(.candidate(#""cardinality": "1+""#, #""cardinality": "4+""#))
    let tree = LiveView.of(.configured, source: LiveView.treeSource)
    #expect(Repository.judge(base, head, live: tree).summary == ["waiting upgrade/cardinality"])
    #expect(Repository.judge(base, head, live: .of(.configured)).summary == ["error upgrade/cardinality"])
  }

  @Test("treats an app that exists only in the cluster as registered if the cluster is available")
  func liveApp() throws {
    let head = try start.with(.remove(Fixture.currentPath))
    #expect(Repository.judge(nil, head).summary == ["error cluster/app-registered"])
    var live = LiveView(source: .cluster)
    live.hold(try #require(App(try .parse(Fixture.current))))
    #expect(Repository.judge(nil, head, live: live).findings.isEmpty)
  }
}
