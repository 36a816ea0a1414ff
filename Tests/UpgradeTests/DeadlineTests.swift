import KubeDirector
import Testing
import Upgrade

/// `progressDeadline`: what it counts, and from when on.
@Suite("The deadline of a step")
struct DeadlineTests {
  /// In the middle of an upgrade: the last pod is claimed and takes its time to start.
  private func slow() -> Stage {
    var stage = UpgradingTests.workers()
    stage.settings.progressDeadline = 60
    stage.slowPods = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    return stage
  }

  private func isStalled(_ stage: Stage) -> Bool {
    stage.status?.condition(.stalled)?.status == true
  }

  @Test("does not run while the cluster is suspended, and begins anew when it is resumed")
  func suspended() {
    var stage = slow()
    stage.annotate(Wire.Annotation.suspend, "true")
    stage.settle()
    stage.wait(70)
    #expect(!isStalled(stage))
    stage.annotate(Wire.Annotation.suspend, nil)
    stage.settle()
    stage.wait(45)
    #expect(!isStalled(stage))
    stage.wait(20)
    #expect(isStalled(stage))
  }

  @Test("a script that is run again on request has all of its time again")
  func retried() {
    var stage = RetryTests.failed()
    stage.settings.progressDeadline = 60
    stage.heldScripts = ["worker-1"]
    stage.now += 600
    stage.annotate(Wire.Annotation.retry, "c-worker-1 first")
    stage.settle()
    #expect(stage.status?.condition(.stalled)?.status == false)
    stage.wait(61)
    #expect(isStalled(stage))
    #expect(stage.status?.stepsSince.count == 1)
  }

  @Test("each step of a pod has its own time: the start, and then the script")
  func steps() {
    var stage = slow()
    stage.wait(50)
    stage.slowPods = []
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .configured }
    stage.heldScripts = ["worker-1"]
    stage.wait(50)
    #expect(!isStalled(stage))
    stage.wait(20)
    #expect(isStalled(stage))
  }

  @Test("where no pod may be taken, the wait itself has one: nobody is left waiting without a word")
  func waiting() {
    var stage = UpgradingTests.workers()
    stage.settings.progressDeadline = 60
    stage.sets["worker"]?.disruptionsAllowed = 0
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.member("worker-1")?.upgrade == nil)
    #expect(stage.decision()?.actions.contains { if case .wake = $0 { true } else { false } } == true)
    stage.wait(61)
    #expect(isStalled(stage))
    let message = stage.status?.condition(.stalled)?.message
    #expect(message?.hasPrefix("worker: no progress since ") == true)
    #expect(message?.hasSuffix("; to return to app-1.0, revert commit commit2") == true)
    stage.sets["worker"]?.disruptionsAllowed = 1
    stage.wait(1)
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.role("worker")?.progressedAt == nil)
    #expect(stage.violations == [])
  }
}
