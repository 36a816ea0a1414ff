import Diagnostics
import KubeDirector
import Testing

@testable import Rules

@Suite("The lifecycle of a change")
struct WayOfAChangeTests {
  let start = Repository()

  @Test("accepts an upgrade together with the new app's file in the same commit")
  func upgradeWithApp() throws {
    let base = try start.with(.remove(Fixture.candidatePath))
    let head = try base.with(
      .add(Fixture.candidatePath, Fixture.candidate), .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    let judgement = Repository.judge(base, head, live: .of(.configured))
    #expect(judgement.outcome(Repository.analytics) == "upgrade accepted")
    #expect(judgement.outcome(Repository.candidate) == "create accepted")
    #expect(judgement.findings.isEmpty)
  }

  @Test("rolls back on a revert during the upgrade, and lets the deletion of its app wait without an error")
  func revertInTheMiddle() throws {
    let base = try start.upgraded
    let head = try start.with(.remove(Fixture.candidatePath))
    let judgement = Repository.judge(base, head, live: .of(.upgrading))
    #expect(judgement.outcome(Repository.analytics) == "rollback accepted")
    #expect(judgement.outcome(Repository.candidate) == "delete waiting")
    #expect(judgement.summary == ["waiting app/in-use"])
    #expect(!judgement.hasErrors)
  }

  @Test("lets the app's deletion wait during the rollback, and deletes it afterwards")
  func appAfterRollback() throws {
    let head = try start.with(.remove(Fixture.candidatePath))
    #expect(
      Repository.judge(start, head, live: .of(.rollingBack)).outcome(Repository.candidate) == "delete waiting"
    )
    #expect(
      Repository.judge(start, head, live: .of(.configured)).outcome(Repository.candidate) == "delete accepted"
    )
  }

  @Test("rejects a revert after the upgrade as a downgrade, with a remedy")
  func revertAfterTheEnd() throws {
    var finished = try #require(Example.Live.configured.status)
    finished.app = "spark-1.1.0"
    var live = LiveView(source: .cluster)
    live.hold(Repository.analytics, status: finished)
    let judgement = Repository.judge(try start.upgraded, start, live: live)
    #expect(judgement.outcome(Repository.analytics) == "upgrade rejected")
    #expect(judgement.summary == ["error upgrade/newer"])
    let finding = try #require(judgement.findings.first)
    #expect(finding.message == "version 1.0.0 is not newer than 1.1.0, which cluster prod/analytics runs")
    #expect(
      finding.hint
        == "publish the image under a version above 1.1.0; a rollback is possible only while an upgrade runs")
    #expect(
      finding.location == SourceLocation(file: "clusters/analytics.yaml", line: 7, column: 8, length: 11))
  }

  @Test("withdraws the upgrade on a revert before the engine has started it")
  func revertBeforeTheBeginning() throws {
    let judgement = Repository.judge(try start.upgraded, start, live: .of(.configured))
    #expect(judgement.outcome(Repository.analytics) == "rollback accepted")
  }

  @Test("sees no change if an upgrade and its revert are fetched together")
  func netChange() throws {
    let judgement = Repository.judge(start, start, live: .of(.configured))
    #expect(judgement.objects.allSatisfy { $0.change == .none && $0.verdict == .unchanged })
  }

  @Test("lets a third app wait during an upgrade, and accepts it once the cluster is configured")
  func thirdApp() throws {
    let base = try start.upgraded
    let head = try start.with(
      .cluster("app: spark-1.0.0", "app: spark-1.2.0"), .add("apps/spark-1.2.0.json", Fixture.third))
    let waiting = Repository.judge(base, head, live: .of(.upgrading))
    #expect(waiting.outcome(Repository.analytics) == "upgrade waiting")
    #expect(
      waiting.findings.first?.message
        == "cluster prod/analytics waits for the running upgrade to spark-1.1.0 (1 of 4 pods done)")

    var finished = try #require(Example.Live.configured.status)
    finished.app = "spark-1.1.0"
    var live = LiveView(source: .cluster)
    live.hold(Repository.analytics, status: finished)
    #expect(Repository.judge(base, head, live: live).outcome(Repository.analytics) == "upgrade accepted")
  }

  @Test(
    "lets a third app wait that fits only the app before a stalled upgrade, and rejects one that fits neither"
  )
  func thirdAppAgainstBoth() throws {
    let base = try start.upgraded
    func head(_ version: String) throws -> Repository {
      let app = Fixture.third.replacing("1.2.0", with: version)
      return try start.with(
        .cluster("app: spark-1.0.0", "app: spark-\(version)"), .add("apps/spark-\(version).json", app))
    }
    let between = Repository.judge(base, try head("1.0.5"), live: .of(.stalled))
    #expect(between.outcome(Repository.analytics) == "upgrade waiting")
    #expect(
      between.findings.first?.message
        == "cluster prod/analytics waits for a stalled upgrade; revert `4f2c9ab` first")
    #expect(
      between.findings.first?.hint
        == "git restore --source=4f2c9ab~1 clusters/analytics.yaml && git commit --all && git push")

    let below = Repository.judge(base, try head("0.9.0"), live: .of(.stalled))
    #expect(below.outcome(Repository.analytics) == "upgrade rejected")
    #expect(Set(below.summary) == ["error upgrade/newer", "waiting rollback/only-prev-app"])
  }

  @Test("lets any other change of the spec wait during an upgrade, but not labels and annotations")
  func otherChanges() throws {
    let base = try start.upgraded
    let more = try base.with(.cluster("members: 3", "members: 4"))
    #expect(
      Repository.judge(base, more, live: .of(.upgrading)).outcome(Repository.analytics) == "resize waiting")
    let suspended = try base.with(
      .cluster("name: analytics", "name: analytics\n  annotations: {kdops.dev/suspend: \"true\"}"))
    #expect(
      Repository.judge(base, suspended, live: .of(.upgrading)).outcome(Repository.analytics)
        == "metadata accepted")
  }

  @Test("says how to retry a failed script if a change waits behind a creation")
  func failedCreation() throws {
    var status = try #require(Example.Live.creating.status)
    func hint(_ stall: String) throws -> String? {
      status.conditions = [
        Condition(type: .stalled, status: true, reason: "ConfigError", message: stall, lastTransition: 0)
      ]
      var live = LiveView(source: .cluster)
      live.hold(Repository.analytics, status: status)
      return Repository.judge(start, try start.upgraded, live: live).findings.first {
        $0.rule == "upgrade/configured"
      }?.hint
    }
    #expect(
      try hint("w-0: it failed; fix the cause, then kdops retry prod/analytics/w-0")
        == "fix the cause, then kdops retry prod/analytics/w-0")
    #expect(try hint("w-0: ErrImagePull")?.hasPrefix("check in its status") == true)
  }

  @Test("lets every change of spec.app wait during a rollback, and rejects at once what is wrong anyway")
  func whileRollingBack() throws {
    let again = Repository.judge(start, try start.upgraded, live: .of(.rollingBack))
    #expect(again.outcome(Repository.analytics) == "upgrade waiting")
    #expect(again.summary == ["waiting rollback/once"])
    let wrong = try start.upgraded.with(.candidate(#""port": 7077"#, #""port": 7078"#))
    #expect(
      Repository.judge(start, wrong, live: .of(.rollingBack)).outcome(Repository.analytics)
        == "upgrade rejected")
  }

  @Test("lets a change wait that was made before the engine has seen the last one")
  func unseenGeneration() throws {
    var live = LiveView(source: .cluster)
    live.hold(Repository.analytics, status: Example.Live.configured.status, generation: 3)
    let judgement = Repository.judge(
      start, try start.with(.cluster("members: 3", "members: 4")), live: live)
    #expect(judgement.outcome(Repository.analytics) == "resize waiting")
  }

  @Test("applies the valid one of two clusters in one commit")
  func oneByOne() throws {
    let other = Fixture.cluster.replacing("name: analytics", with: "name: ledger")
    let base = try start.with(.add("clusters/ledger.yaml", other))
    let head = try base.with(
      .cluster("members: 3", "members: 0"),
      .add("clusters/ledger.yaml", other.replacing("members: 3", with: "members: 5")))
    let judgement = Repository.judge(base, head)
    #expect(judgement.outcome(Repository.analytics) == "resize rejected")
    #expect(judgement.outcome(.cluster("prod", "ledger")) == "resize accepted")
  }

  @Test("does not accept a cluster whose app is rejected")
  func rejectedApp() throws {
    let head = try start.upgraded.with(.candidate(#""version": "1.1.0""#, #""version": "1.1""#))
    let judgement = Repository.judge(start, head)
    #expect(judgement.outcome(Repository.candidate) == "reconfigure rejected")
    #expect(judgement.summary == ["error app/semver", "error upgrade/registered"])
    #expect(
      judgement.findings.last?.message
        == "app spark-1.1.0, which cluster prod/analytics names, is itself rejected")
  }

  @Test("keeps a cluster on the previous state of its app while a change of that app is refused")
  func refusedAppChange() throws {
    let head = try start.with(
      .current("\"port\": 7077", "\"port\": 7078"), .cluster("members: 3", "members: 5"))
    let judgement = Repository.judge(start, head)
    #expect(judgement.outcome(Repository.current) == "reconfigure rejected")
    #expect(judgement.outcome(Repository.analytics) == "resize accepted")
  }
}
