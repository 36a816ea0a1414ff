import KubeDirector
import Testing
import Upgrade

/// `progressDeadline`: what it limits, and when it starts.
@Suite("The deadline of a step")
struct DeadlineTests {
  /// A cluster in the middle of an upgrade: the last pod is claimed and is slow to start.
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

  @Test("is paused while the cluster is suspended, and starts anew on resume")
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

  @Test("starts anew for a script that is retried on request")
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

  @Test("applies to each step of a pod separately: the start, then the script")
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

  @Test("applies to the wait itself if no pod may be replaced, so that the wait is reported")
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
