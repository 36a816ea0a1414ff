import Diagnostics
import KubeDirector
import Testing

@testable import Rules

@Suite("Deletions")
struct DeletionTests {
  let start = Repository()
  let pruning = Policy(prune: true)

  @Test("orphan a cluster whose file is deleted, and delete it only with pruning on")
  func cluster() throws {
    let head = try start.with(.remove(Fixture.clusterPath))
    #expect(Repository.judge(start, head).outcome(Repository.analytics) == "delete orphaned")
    #expect(
      Repository.judge(start, head, policy: Policy()).outcome(Repository.analytics) == "delete orphaned")
    #expect(Repository.judge(start, head, policy: pruning).outcome(Repository.analytics) == "delete accepted")
  }

  @Test("do not occur if a file is moved")
  func moved() throws {
    let head = try start.with(
      .remove(Fixture.clusterPath), .add("clusters/eu/analytics.yaml", Fixture.cluster))
    let judgement = Repository.judge(start, head, policy: pruning)
    #expect(judgement.outcome(Repository.analytics) == "none unchanged")
  }

  @Test("do not occur if a file is unreadable: its objects are rejected and stay")
  func broken() throws {
    let head = try start.with(.add(Fixture.clusterPath, "metadata:\n\tname: analytics\n"))
    let judgement = Repository.judge(start, head, policy: pruning)
    #expect(judgement.outcome(Repository.analytics) == "none rejected")
    #expect(judgement.summary == ["error file/syntax"])
  }

  @Test("do not occur if a file is moved and broken at once")
  func movedAndBroken() throws {
    let head = try start.with(
      .remove(Fixture.clusterPath), .add("clusters/eu/analytics.yaml", "metadata:\n\tname: analytics\n"))
    let judgement = Repository.judge(start, head, policy: pruning)
    #expect(judgement.outcome(Repository.analytics) == "delete orphaned")
  }

  @Test("are reported at the object's previous place")
  func place() throws {
    let head = try start.with(.remove(Fixture.currentPath))
    let finding = try #require(Repository.judge(start, head).findings.first)
    #expect(finding.rule == "app/in-use")
    #expect(
      finding.location == SourceLocation(file: "apps/spark-1.0.0.json", line: 4, column: 24, length: 13))
  }

  @Test("of an app wait for a running cluster that is no longer in git")
  func orphanedUser() throws {
    let head = try start.with(.remove(Fixture.clusterPath), .remove(Fixture.currentPath))
    let judgement = Repository.judge(start, head, live: .of(.configured))
    #expect(judgement.outcome(Repository.current) == "delete waiting")
  }

  @Test("of a system catalog app do not wait for clusters that use a local app with the same name")
  func namesake() throws {
    let system = Fixture.current.replacing("\"prod\"", with: "\"kdops-system\"")
    let base = try start.with(.add("apps/system.json", system))
    let judgement = Repository.judge(base, start)
    #expect(judgement.outcome(.app("kdops-system", "spark-1.0.0")) == "delete accepted")
    let localGone = try start.with(.add("apps/system.json", system), .remove(Fixture.currentPath))
    #expect(Repository.judge(base, localGone).outcome(Repository.current) == "delete rejected")
  }
}
