import KubeDirector
import Testing
import Upgrade

@Suite("Pods that do not start or terminate")
struct DelayTests {
  private func stall(_ stage: Stage) -> String? {
    stage.status?.condition(.stalled).flatMap { $0.status ? $0.message : nil }
  }

  @Test("stall a new cluster after a delay if a pod is never created, until it is created")
  func notCreated() {
    var stage = Stage([.init(id: "worker", members: 2)])
    stage.forbiddenPods = ["worker-1"]
    stage.settle()
    #expect(stall(stage) == nil)
    #expect(stage.decision()?.actions.contains { if case .wake = $0 { true } else { false } } == true)
    stage.wait(90)
    #expect(
      stall(stage)
        == "c-worker-1: PodNotCreated: the pod is not made, as a quota or a policy may have it; "
        + "kubectl describe statefulset -n default c-worker says why")
    #expect(stage.status?.rollup.membersDown == true)
    stage.forbiddenPods = []
    stage.settle()
    #expect(stall(stage) == nil)
    #expect(stage.status?.state == .configured)
  }

  @Test("report the commit to revert during an upgrade, and the rollback ends the stall")
  func notCreatedInUpgrade() {
    var stage = UpgradingTests.workers()
    stage.forbiddenPods = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stall(stage) == nil)
    stage.wait(90)
    #expect(stall(stage)?.hasSuffix("; to return to app-1.0, revert commit commit2") == true)
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stall(stage) == nil || stage.status?.upgradeInfo?.isRollingBack == true)
    stage.forbiddenPods = []
    stage.settle()
    #expect(stage.status?.state == .configured && stage.status?.app == "app-1.0")
    #expect(stage.violations == [])
  }

  @Test("do not shorten the deadline of the next pod")
  func eachItsOwnTime() {
    var stage = UpgradingTests.workers(3)
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-2")?.podUpgradeStatus == .configured }
    stage.wait(500)
    #expect(stage.history.allSatisfy { $0.condition(.stalled)?.status != true })
    #expect(stage.status?.state == .configured)
  }

  @Test("stall after a delay if no container starts, but not if a start is only slow")
  func notStarted() {
    var stage = Stage([.init(id: "worker", members: 2)])
    stage.slowPods = ["worker-0"]
    stage.settle()
    stage.wait(100)
    #expect(stall(stage) == nil)
    stage.wait(20)
    #expect(stall(stage)?.hasPrefix("c-worker-0: PodNotStarted: no container has started") == true)
    stage.slowPods = []
    stage.settle()
    #expect(stall(stage) == nil)
    #expect(stage.status?.state == .configured)
  }

  @Test("stall after a delay if a pod does not terminate, as on a lost node, until it ends")
  func notEnded() {
    var stage = UpgradingTests.workers()
    stage.lostPods = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stall(stage) == nil)
    stage.wait(70)
    #expect(
      stall(stage)
        == "c-worker-1: PodNotEnded: the pod does not end, as on a node that is lost; once that node surely runs no "
        + "more, kubectl delete pod -n default c-worker-1 --force; to return to app-1.0, revert commit commit2"
    )
    stage.lostPods = []
    stage.settle()
    #expect(stall(stage) == nil)
    #expect(stage.status?.app == "app-1.1" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("are reported with the reason on a configured cluster, without a stall")
  func atRest() {
    var stage = UpgradingTests.workers()
    stage.forbiddenPods = ["worker-0"]
    stage.terminate("c-worker-0")
    stage.settle()
    stage.wait(90)
    #expect(stall(stage) == nil)
    #expect(stage.status?.condition(.ready)?.reason == "PodNotCreated")
  }

  // MARK: - Readiness gates

  @Test("are set up before they are ready if a readiness gate opens only once the app listens")
  func gate() {
    var stage = Stage([.init(id: "web", members: 1)])
    stage.gatedPods = ["web-0"]
    let transcript = stage.record { $0.settle() }
    #expect(transcript.contains("script web-0 --configure"))
    #expect(stage.status?.condition(.ready)?.status == false)
    stage.pods["c-web-0"]?.isGated = false
    stage.touch("c-web-0")
    stage.settle()
    #expect(stage.status?.condition(.ready)?.status == true)
  }

  @Test("delay the next pod of an upgrade until they are ready, not only set up")
  func gateInUpgrade() {
    var stage = UpgradingTests.workers()
    stage.gatedPods = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.member("worker-1")?.upgrade?.done == true)
    #expect(stage.member("worker-0")?.upgrade == nil)
    #expect(
      stage.status?.condition(.progressing)?.message == "from app-1.0 to app-1.1; worker waits for c-worker-1"
    )
    stage.pods["c-worker-1"]?.isGated = false
    stage.touch("c-worker-1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1" && stage.status?.state == .configured)
    #expect(stage.violations == [])
  }
}
