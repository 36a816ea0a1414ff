import KubeDirector
import Testing
import Upgrade

@Suite("Conditions")
struct ConditionTests {
  typealias Up = UpgradingTests

  func stuck() -> Stage {
    var stage = Up.workers()
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    return stage
  }

  @Test("writes a pull failure once, even if its reason alternates between error and back-off")
  func pullFlaps() {
    var stage = stuck()
    let writes = stage.statusWrites
    for _ in 0..<12 {
      stage.flapPull("c-worker-1")
      stage.settle()
      #expect(stage.status?.condition(.stalled)?.reason == "ErrImagePull")
    }
    #expect(stage.statusWrites == writes)
  }

  @Test("keeps reporting a container that crashes repeatedly while it runs for a moment")
  func crashLoops() {
    var stage = Up.workers()
    stage.heldScripts = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.crash("c-worker-1", loops: true)
    stage.settle { $0.status?.condition(.stalled)?.status == true }
    #expect(stage.status?.condition(.stalled)?.reason == "CrashLoopBackOff")
    let writes = stage.statusWrites
    for _ in 0..<5 {
      stage.settle()
      stage.crash("c-worker-1", loops: true)
      _ = stage.daemonObserves()
    }
    #expect(stage.statusWrites == writes)
    #expect(stage.status?.condition(.stalled)?.reason == "CrashLoopBackOff")
  }

  @Test("puts the first and last clause of a long runtime error in the message, and all of it in the detail")
  func gist() throws {
    var status = ClusterStatus(state: .updating, app: "a")
    func said(_ message: String) throws -> String {
      let detail = MemberStatus.Detail(waitingReason: "ErrImagePull", waitingMessage: message)
      status.roles = [
        RoleStatus(
          id: "r", statefulSet: "c-r", members: [MemberStatus(pod: "c-r-0", nodeID: 1, detail: detail)])
      ]
      return try #require(Stall.first(in: status, now: 0)).cause
    }
    #expect(
      try said(
        "rpc error: code = Unknown desc = failed to pull and unpack image \"example/r:9\": failed to resolve reference \"example/r:9\": failed to do request: Head \"https://example/v2/r/manifests/9\": dial tcp 192.0.2.1:443: connect: connection refused"
      ) == "c-r-0: ErrImagePull: failed to pull and unpack image \"example/r:9\": … connection refused")
    #expect(
      try said("rpc error: code = NotFound desc = no such image") == "c-r-0: ErrImagePull: no such image")
    #expect(try said("a: b: c") == "c-r-0: ErrImagePull: a: b: c")
    let long = String(repeating: "x", count: 200)
    #expect(try said(long) == "c-r-0: ErrImagePull: \(long)")
  }

  @Test("omits the failure from the status of the rollback that resolves it")
  func rollbackResolves() {
    var stage = stuck()
    let transcript = stage.record {
      $0.commit(app: "app-1.0")
      $0.settle()
    }
    #expect(stage.status?.state == .configured)
    #expect(transcript.contains("stalled no more"))
    #expect(!transcript.contains("stalled ErrImagePull"))
  }

  @Test("names the commit that began the upgrade as the one to revert, even after later commits")
  func remedy() {
    var stage = stuck()
    stage.annotate(Wire.Annotation.commit, "0123456789abcdef")
    stage.settle()
    #expect(stage.status?.specCommit == "0123456789abcdef")
    #expect(stage.status?.condition(.stalled)?.message.hasSuffix("revert commit commit2") == true)
  }

  @Test("gives a retry as the remedy for a script that failed outside an upgrade")
  func remedyOfIdleCluster() {
    let stage = MembershipTests.refused()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-worker-0: startscript --addnodes ended with exit code 4; "
        + "fix the cause, then kdops retry default/c/c-worker-0")
  }

  @Test(
    "suggests no revert if a pod outside the upgrade is not set up; the upgrade continues when it is fixed"
  )
  func remedyOfOtherMember() {
    var stage = Up.settled([.init(id: "worker"), .init(id: "web")], tags: ["worker": "1.1"])
    stage.heldScripts = ["worker-0"]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.exitCodes["web-0 configure"] = 3
    stage.crash("c-web-0")
    stage.heldScripts = []
    stage.settle()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-web-0: startscript --configure ended with exit code 3; a revert does not fix that: "
        + "fix the cause, then kdops retry default/c/c-web-0")
    var reverted = stage
    reverted.commit(app: "app-1.0")
    reverted.settle()
    #expect(reverted.status?.upgradeInfo?.isRollingBack == true)
    for var stage in [stage, reverted] {
      stage.exitCodes = [:]
      stage.annotate(Wire.Annotation.retry, "c-web-0 1")
      stage.settle()
      #expect(stage.status?.state == .configured)
      #expect(stage.violations == [])
    }
  }

  @Test(
    "suggests a retry for a script in a stalled rollback, and otherwise to fix the cause")
  func remedyOfRollback() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.badImages = ["worker:1.0"]
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-worker-1: ErrImagePull: worker:1.0 not found; fix the cause, and the rollback continues automatically"
    )
    stage.repair(image: "worker:1.0")
    stage.exitCodes["worker-1 pod_reverted"] = 9
    stage.settle()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-worker-1: startscript --pod_reverted ended with exit code 9; "
        + "fix the cause, then kdops retry default/c/c-worker-1")
    stage.exitCodes = [:]
    stage.annotate(Wire.Annotation.retry, "c-worker-1 1")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("reports what keeps the next container from starting before the failure of the last one")
  func truestReason() {
    var stage = Stage([.init(id: "worker")])
    stage.exitCodes["worker-0 configure"] = 1
    stage.settle()
    #expect(stage.status?.condition(.stalled)?.reason == "ConfigError")
    stage.badImages = ["worker:1.0"]
    stage.terminate("c-worker-0")
    stage.settle()
    #expect(stage.status?.condition(.stalled)?.reason == "ErrImagePull")
  }

  @Test("sets the time of a condition to its own last change, whatever else changes")
  func transition() {
    var stage = stuck()
    let since = stage.status?.condition(.stalled)?.lastTransition
    stage.now += 500
    stage.annotate("touched", "1")
    stage.settle()
    #expect(stage.status?.condition(.stalled)?.lastTransition == since)
    #expect(stage.status?.condition(.progressing)?.status == false)
    #expect(stage.status?.condition(.ready)?.status == false)
  }

  @Test("counts members by app in Ready, and reports pods that are down outside an upgrade without a stall")
  func ready() {
    var stage = Up.workers()
    #expect(stage.status?.condition(.ready)?.message == "2 members run app-1.0")
    stage.crash("c-worker-0", loops: true)
    stage.slowPods = ["worker-0"]
    stage.settle()
    #expect(stage.status?.condition(.ready)?.reason == "CrashLoopBackOff")
    #expect(stage.status?.condition(.stalled)?.status == false)
    #expect(stage.status?.state == .configured)
  }

  @Test("stalls once on a claim past its deadline, and requests a wake-up for that time")
  func deadline() {
    var stage = Up.workers()
    stage.settings.progressDeadline = 60
    stage.slowPods = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    let since = stage.member("worker-1")?.upgrade?.since ?? 0
    stage.now = since + 20
    #expect(stage.decision()?.actions.contains(.wake(after: 40)) == true)
    stage.now = since + 60
    stage.annotate("touched", "1")
    stage.settle()
    #expect(stage.status?.condition(.stalled)?.reason == "ProgressDeadlineExceeded")
    let writes = stage.statusWrites
    for _ in 0..<3 {
      stage.now += 7
      stage.annotate("touched", "\(stage.now)")
      stage.settle()
    }
    #expect(stage.statusWrites == writes)
    stage.slowPods = []
    stage.settle()
    #expect(stage.status?.state == .configured)
  }

  @Test("reports an unschedulable pod only after a delay, and requests a wake-up for that time")
  func unschedulable() throws {
    var stage = Up.workers()
    stage.see()
    let view = try #require(stage.daemon.view)
    var observation = stage.observation(view)
    observation.pods["c-worker-0"] = PodObservation(
      uid: "p", revision: "r", schedulingError: "0/1 nodes are available", unschedulableSince: stage.now - 5)
    let early = try #require(ClusterMachine.step(observation))
    #expect(early.status.members.allSatisfy { $0.detail.schedulingError == nil })
    #expect(early.actions.contains(.wake(after: 15)))
    observation.now += 15
    let late = try #require(ClusterMachine.step(observation))
    #expect(late.status.members.compactMap(\.detail.schedulingError) == ["0/1 nodes are available"])
  }

  @Test("does not replace a healthy pod if its PodDisruptionBudget allows no disruption, and says so")
  func disruptionBudget() {
    var stage = Up.workers()
    stage.sets["worker"]?.disruptionsAllowed = 0
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.member("worker-1")?.upgrade == nil)
    #expect(
      stage.status?.condition(.progressing)?.message
        == "from app-1.0 to app-1.1; worker waits until PodDisruptionBudget worker allows a disruption")
    stage.sets["worker"]?.disruptionsAllowed = 1
    stage.annotate("touched", "1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.status?.state == .configured)
  }

  @Test("summarizes the states of the members in the status")
  func rollup() {
    let stage = stuck()
    #expect(stage.status?.rollup.membersUpgrading == true)
    #expect(stage.status?.rollup.membersWaiting == true)
    #expect(stage.status?.rollup.configErrors == false)
  }
}
