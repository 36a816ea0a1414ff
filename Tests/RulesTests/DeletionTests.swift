import Diagnostics
import KubeDirector
import Testing

@testable import Rules

@Suite("Deletions")
struct DeletionTests {
  let start = Repository()
  let pruning = Policy(prune: true)

  @Test("a cluster whose file is gone is orphaned, and deleted only where pruning is on")
  func cluster() throws {
    let head = try start.with(.remove(Fixture.clusterPath))
    #expect(Repository.judge(start, head).outcome(Repository.analytics) == "delete orphaned")
    #expect(
      Repository.judge(start, head, policy: Policy()).outcome(Repository.analytics) == "delete orphaned")
    #expect(Repository.judge(start, head, policy: pruning).outcome(Repository.analytics) == "delete accepted")
  }

  @Test("a file that is moved deletes nothing")
  func moved() throws {
    let head = try start.with(
      .remove(Fixture.clusterPath), .add("clusters/eu/analytics.yaml", Fixture.cluster))
    let judgement = Repository.judge(start, head, policy: pruning)
    #expect(judgement.outcome(Repository.analytics) == "none unchanged")
  }

  @Test("a file that cannot be read deletes nothing: its objects are rejected and stay")
  func broken() throws {
    let head = try start.with(.add(Fixture.clusterPath, "metadata:\n\tname: analytics\n"))
    let judgement = Repository.judge(start, head, policy: pruning)
    #expect(judgement.outcome(Repository.analytics) == "none rejected")
    #expect(judgement.summary == ["error file/syntax"])
  }

  @Test("a file that is moved and broken at once deletes nothing")
  func movedAndBroken() throws {
    let head = try start.with(
      .remove(Fixture.clusterPath), .add("clusters/eu/analytics.yaml", "metadata:\n\tname: analytics\n"))
    let judgement = Repository.judge(start, head, policy: pruning)
    #expect(judgement.outcome(Repository.analytics) == "delete orphaned")
  }

  @Test("a deletion is found where the object stood")
  func place() throws {
    let head = try start.with(.remove(Fixture.currentPath))
    let finding = try #require(Repository.judge(start, head).findings.first)
    #expect(finding.rule == "app/in-use")
    #expect(
      finding.location == SourceLocation(file: "apps/spark-1.0.0.json", line: 4, column: 24, length: 13))
  }

  @Test("an app that a cluster runs which git no longer names waits for that cluster to go")
  func orphanedUser() throws {
    let head = try start.with(.remove(Fixture.clusterPath), .remove(Fixture.currentPath))
    let judgement = Repository.judge(start, head, live: .of(.configured))
    #expect(judgement.outcome(Repository.current) == "delete waiting")
  }

  @Test("an app of the system's catalog is not in use where a local one has the name")
  func namesake() throws {
    let system = Fixture.current.replacing("\"prod\"", with: "\"kdops-system\"")
    let base = try start.with(.add("apps/system.json", system))
    let judgement = Repository.judge(base, start)
    #expect(judgement.outcome(.app("kdops-system", "spark-1.0.0")) == "delete accepted")
    let localGone = try start.with(.add("apps/system.json", system), .remove(Fixture.currentPath))
    #expect(Repository.judge(base, localGone).outcome(Repository.current) == "delete rejected")
  }
}
