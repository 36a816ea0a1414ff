import KubeDirector
import Testing
import Upgrade

@Suite("The journal")
struct JournalTests {
  private static func upgraded(_ body: (inout Stage) -> Void = { _ in }) -> Stage {
    var stage = UpgradingTests.workers(2)
    body(&stage)
    stage.commit(app: "app-1.1")
    stage.settle()
    return stage
  }

  @Test("records the apps of an upgrade, its commit, and each pod in order")
  func upgrade() throws {
    let stage = Self.upgraded()
    let run = try #require(stage.status?.journal.runs.first)
    #expect(stage.status?.journal.runs.count == 1)
    #expect((run.from, run.to, run.commit) == ("app-1.0", "app-1.1", "commit2"))
    #expect(!run.isRollback && !run.isTurnedBack)
    #expect(run.pods.map(\.pod) == ["c-worker-1", "c-worker-0"])
    #expect(run.pods.allSatisfy { $0.isDone && $0.role == "worker" && $0.stallReason == nil })
    #expect(run.ended != nil)
  }

  @Test("records phases without gaps that match the pod's own timestamps")
  func phases() throws {
    var stage = UpgradingTests.workers(1)
    stage.commit(app: "app-1.1")
    stage.settle { $0.pod("worker-0")?.container == nil && $0.pod("worker-0")?.isBeingDeleted == false }
    let claimed = try #require(stage.status?.members.first?.upgrade?.since)
    // The new pod exists 4 s after the claim, has its image after 10 s, and is ready with its package 11 s
    // after that.
    stage.pods["c-worker-0"]?.createdAt = claimed + 4
    stage.pods["c-worker-0"]?.firstStartedAt = claimed + 10
    stage.heldScripts = ["worker-0"]
    stage.settle()
    stage.now = claimed + 11
    stage.heldScripts = []
    stage.settle { $0.status?.members.first?.podUpgradeStatus == .configured }
    let installed = stage.now
    stage.heldScripts = ["worker-0"]
    stage.settle()
    stage.now = installed + 30
    stage.heldScripts = []
    stage.settle()
    let run = try #require(stage.status?.journal.runs.last)
    let pod = try #require(run.pods.first)
    #expect(pod.at == claimed - run.began)
    #expect(pod.replace == 4)
    #expect(pod.pull == 6)
    #expect(pod.start == installed - claimed - 10)
    #expect((pod.hook ?? 0) >= 30)
    #expect(pod.total == (run.ended ?? 0) - claimed)
  }

  @Test("records the run time of each hook, and the time between runs as a wait")
  func waitForRetry() throws {
    var stage = UpgradingTests.workers(1)
    stage.exitCodes = ["worker-0 pod_upgraded": 4]
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .configured }
    stage.heldScripts = ["worker-0"]
    stage.settle()
    for request in ["first", "second"] {
      stage.now += 20
      stage.heldScripts = []
      stage.settle()
      #expect(stage.member("worker-0")?.state == .configError)
      stage.now += 1000
      if request == "second" { stage.exitCodes = [:] }
      stage.annotate(Wire.Annotation.retry, "c-worker-0 \(request)")
      stage.heldScripts = ["worker-0"]
      stage.settle()
    }
    stage.now += 20
    stage.heldScripts = []
    stage.settle()
    let run = try #require(stage.status?.journal.runs.last)
    let pod = try #require(run.pods.first)
    #expect(pod.isDone && pod.retries == 2)
    #expect((60..<80).contains(pod.hook ?? 0), "\(pod)")
    #expect((2000..<2020).contains(pod.waited ?? 0), "\(pod)")
    #expect(pod.total == (run.ended ?? 0) - run.began - pod.at)
  }

  @Test("records a failed package installation as a wait until it is retried")
  func waitForInstallation() throws {
    var stage = UpgradingTests.workers(1)
    stage.exitCodes = ["worker-0 install": 1]
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.member("worker-0")?.state == .configError)
    stage.now += 1000
    stage.exitCodes = [:]
    stage.annotate(Wire.Annotation.retry, "c-worker-0 1")
    stage.settle()
    let run = try #require(stage.status?.journal.runs.last)
    let pod = try #require(run.pods.first)
    #expect((1000..<1010).contains(pod.waited ?? 0), "\(pod)")
    #expect((pod.start ?? 1000) < 20 && (pod.hook ?? 1000) < 20, "\(pod)")
    #expect(pod.total == (run.ended ?? 0) - run.began - pod.at)
  }

  @Test("records no negative phase if timestamps are missing or contradictory")
  func skewedTimes() throws {
    for (created, started) in [(-1_000, -2_000), (1_000_000, 5), (nil, 7), (3, nil)] as [(Int?, Int?)] {
      var stage = UpgradingTests.workers(1)
      stage.commit(app: "app-1.1")
      stage.settle { $0.pod("worker-0")?.container == nil && $0.pod("worker-0")?.isBeingDeleted == false }
      stage.pods["c-worker-0"]?.createdAt = created.map { $0 + stage.now }
      stage.pods["c-worker-0"]?.firstStartedAt = started.map { $0 + stage.now }
      stage.settle()
      let run = try #require(stage.status?.journal.runs.last)
      let pod = try #require(run.pods.first)
      #expect([pod.replace, pod.pull, pod.start, pod.hook].allSatisfy { ($0 ?? -1) >= 0 })
      #expect(pod.at + pod.total == (run.ended ?? 0) - run.began)
    }
  }

  @Test("records no hook for a role without a package")
  func withoutPackage() throws {
    var stage = UpgradingTests.settled([.init(id: "worker", hasPackage: false)], tags: ["worker": "1.1"])
    stage.commit(app: "app-1.1")
    stage.settle()
    let pod = try #require(stage.status?.journal.runs.last?.pods.first)
    #expect(pod.isDone && pod.start != nil && pod.hook == nil)
  }

  @Test("records a rollback as a separate run with its own commit, and marks the upgrade as rolled back")
  func rollback() throws {
    var stage = UpgradingTests.workers(2)
    stage.exitCodes = ["worker-1 pod_upgraded": 3]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.exitCodes = [:]
    stage.commit(app: "app-1.0")
    stage.settle()
    let runs = try #require(stage.status?.journal.runs)
    #expect(runs.map(\.isRollback) == [false, true])
    #expect(runs.map(\.commit) == ["commit2", "commit3"])
    #expect(runs.map(\.isTurnedBack) == [true, false])
    #expect(runs[0].pods.map(\.pod) == ["c-worker-1"])
    #expect(runs[0].pods[0].stallReason == "startscript --pod_upgraded ended with exit code 3")
    #expect(!runs[0].pods[0].isDone)
    #expect(runs[0].pods[0].hook != nil)
    #expect((runs[1].from, runs[1].to) == ("app-1.1", "app-1.0"))
    #expect(runs[1].pods.map(\.pod) == ["c-worker-1"])
    #expect(runs[1].pods.map(\.isDone) == [true])
    #expect(runs[1].began == runs[0].ended)
  }

  @Test("records what kept a pod from starting, even after it is resolved")
  func stallReason() throws {
    var stage = UpgradingTests.workers(1)
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.status?.journal.runs.last?.pods.last?.stallReason == "ErrImagePull: worker:1.1 not found")
    stage.badImages = []
    stage.pods["c-worker-0"]?.waitingReason = nil
    stage.settle()
    let pod = try #require(stage.status?.journal.runs.last?.pods.last)
    #expect(pod.isDone)
    #expect(pod.stallReason == "ErrImagePull: worker:1.1 not found")
  }

  @Test("records each wait with its duration, including suspension")
  func waits() throws {
    var stage = UpgradingTests.workers(2)
    stage.sets["worker"]?.disruptionsAllowed = 0
    stage.commit(app: "app-1.1")
    stage.settle()
    let what = "worker waits until PodDisruptionBudget worker allows a disruption"
    #expect(stage.status?.journal.runs.last?.waits.map(\.what) == [what])
    #expect(stage.status?.journal.runs.last?.waits.first?.took == nil)
    stage.now += 100
    stage.sets["worker"]?.disruptionsAllowed = 1
    _ = stage.fresh()
    stage.settle { $0.member("worker-1")?.upgrade != nil }
    let first = try #require(stage.status?.journal.runs.last?.waits.first)
    #expect(first.what == what)
    #expect((first.took ?? 0) >= 100)
    stage.annotate(Wire.Annotation.suspend, "true")
    stage.settle()
    #expect(stage.status?.journal.runs.last?.waits.last?.what == "suspended")
    stage.now += 50
    stage.annotate(Wire.Annotation.suspend, nil)
    stage.settle()
    let last = try #require(stage.status?.journal.runs.last?.waits.first { $0.what == "suspended" })
    #expect((last.took ?? 0) >= 50)
    #expect(stage.status?.journal.runs.last?.waits.allSatisfy { $0.took != nil } == true)
  }

  @Test("needs no additional status write")
  func noWriteOfItsOwn() {
    var stage = UpgradingTests.workers(3)
    stage.history = []
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(app: "app-1.2")
    stage.exitCodes = ["worker-1 pod_upgraded": 1]
    stage.settle()
    stage.commit(app: "app-1.1")
    stage.exitCodes = [:]
    stage.settle()
    let withoutIt = stage.history.map(\.withoutJournal)
    #expect(zip(withoutIt, withoutIt.dropFirst()).allSatisfy { $0 != $1 })
    #expect(stage.history.count > 20)
  }

  @Test("is the same except for durations, at whatever write the daemon is killed")
  func killed() throws {
    let transcript = { (stage: Stage) -> [[String]] in
      (stage.status?.journal.runs ?? []).map { run in run.pods.map { "\($0.pod) \($0.isDone)" } }
    }
    let whole = transcript(Self.upgraded())
    for life in 1..<30 {
      let stage = Self.upgraded { $0.daemon.life = life }
      #expect(transcript(stage) == whole, "killed at write \(life)")
    }
  }

  @Test("starts anew without blocking the upgrade if it is removed")
  func lost() throws {
    var stage = UpgradingTests.workers(2)
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.upgrade?.done == true }
    stage.status?.journal = Journal()
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.journal.runs.last?.pods.map(\.pod) == ["c-worker-0"])
    #expect(stage.status?.journal.runs.last?.ended != nil)
  }

  @Test("keeps the latest upgrades and drops older ones")
  func bounded() throws {
    var stage = UpgradingTests.workers(1)
    for round in 0..<6 {
      stage.commit(app: round % 2 == 0 ? "app-1.1" : "app-1.0")
      stage.settle()
    }
    #expect(stage.status?.journal.runs.count == Journal.runLimit)
    #expect(stage.status?.journal.runs.allSatisfy { $0.ended != nil } == true)
  }
}
