import KubeDirector
import Testing
import Upgrade

@Suite("Failures of pods and containers")
struct InterruptedTests {
  typealias Up = UpgradingTests

  @Test("configures an upgraded pod with the new image after it was deleted")
  func upgradedPodDeleted() {
    var stage = Up.workers(3)
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .configured }
    stage.heldScripts = ["worker-1"]
    stage.terminate("c-worker-2")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-2 runs worker:1.1
        install worker-2 fresh
        script worker-2 --configure
        """)
    stage.heldScripts = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test(
    "counts a restarted container only after a delay, so that a crashing image does not upgrade a whole role"
  )
  func unstable() {
    var stage = Up.settled([.init(id: "worker", members: 3, hasPackage: false)], tags: ["worker": "1.1"])
    stage.reportsRestarts = true
    stage.commit(app: "app-1.1")
    stage.settle { $0.pod("worker-2")?.container != nil && $0.pod("worker-2")?.image == "worker:1.1" }
    for _ in 0..<3 {
      stage.crash("c-worker-2", loops: true)
      stage.settle()
      #expect(stage.pod("worker-2")?.isReady == true)
      #expect(stage.member("worker-2")?.upgrade?.done == false)
      #expect(stage.member("worker-1")?.upgrade == nil)
    }
    #expect(stage.decision()?.actions.contains { if case .wake = $0 { true } else { false } } == true)
    stage.now += 10
    stage.annotate("looked", "1")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.violations == [])
  }

  @Test("recreates a pod before its turn with the old image, and upgrades it in its turn")
  func waitingPodDeleted() {
    var stage = Up.workers(3)
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-2")?.podUpgradeStatus == .configured }
    stage.heldScripts = ["worker-2"]
    stage.terminate("c-worker-0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-0 runs worker:1.0
        install worker-0 fresh
        script worker-0 --configure
        """)
    stage.heldScripts = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("repeats the hook in the new container of a pod killed during its hook, without --configure")
  func killedInHook() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.containers.values.contains { $0.running != nil } }
    stage.terminate("c-worker-1")
    let transcript = stage.record { $0.settle(until: { $0.member("worker-0")?.upgrade != nil }) }
    #expect(
      transcript == """
          worker-1 runs worker:1.1
        install worker-1 upgrade
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 2
        """)
    #expect(stage.violations == [])
  }

  @Test("does not repeat a hook in the same container if a killed daemon missed its end")
  func killedDaemonInHook() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.containers.values.contains { $0.running != nil } }
    stage.killDaemon()
    let transcript = stage.record { stage in
      _ = stage.commandEnds(in: "c-worker-1")
      stage.settle(until: { $0.member("worker-0")?.upgrade != nil })
    }
    #expect(
      transcript == """
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 2
        """)
  }

  @Test("installs the package and runs --configure in a new container without storage outside an upgrade")
  func restartWithoutStorage() {
    var stage = Up.workers()
    stage.crash("c-worker-0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-0 runs worker:1.0
        install worker-0 fresh
        state updating
        script worker-0 --configure
        state configured
        """)
    #expect(stage.status?.state == .configured)
  }

  @Test("writes configmeta.json and runs no script in a new container with storage outside an upgrade")
  func restartWithStorage() {
    var stage = Up.workers(hasStorage: true)
    stage.crash("c-worker-0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-0 runs worker:1.0
        install worker-0 metadata
        """)
    #expect(stage.status?.state == .configured)
  }

  @Test("starts from the beginning in a new container with storage if the last script had failed")
  func restartAfterFailureWithStorage() {
    var stage = Stage([.init(id: "worker", hasStorage: true)])
    stage.exitCodes["worker-0 configure"] = 1
    stage.settle()
    stage.exitCodes = [:]
    stage.crash("c-worker-0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-0 runs worker:1.0
        install worker-0 fresh
        stalled no more
        script worker-0 --configure
        state configured
        """)
  }

  @Test("repeats --configure once if the container is killed during it")
  func killedInConfigure() {
    var stage = Stage([.init(id: "worker", hasStorage: true)])
    stage.settle { $0.containers.values.contains { $0.running != nil } }
    stage.crash("c-worker-0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-0 runs worker:1.0
        install worker-0 fresh
        script worker-0 --configure
        state configured
        """)
  }

  @Test("blocks the next pod while an upgraded one is down")
  func upgradedPodCrashes() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.containers.values.contains { $0.running != nil } }
    _ = stage.commandEnds(in: "c-worker-1")
    stage.crash("c-worker-1", loops: true)
    stage.slowPods = ["worker-1"]
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        stalled CrashLoopBackOff: worker-1: CrashLoopBackOff: back-off restarting container; to return to app-1.0, revert commit commit2
        """)
    stage.slowPods = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("blocks a healthy pod while another of its role is down, but upgrades a pod that is down itself")
  func bystanderDown() {
    var stage = Up.workers(3)
    stage.crash("c-worker-0")
    stage.slowPods = ["worker-0"]
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        upgrade app-1.0 to app-1.1
        role worker RoleUpgrading
        state updating
        apply worker worker:1.1 at rest replicas 3
        """)
    #expect(
      stage.status?.condition(.progressing)?.message == "from app-1.0 to app-1.1; worker waits for c-worker-0"
    )
    stage.crash("c-worker-2")
    stage.slowPods = ["worker-0", "worker-2"]
    stage.settle()
    #expect(stage.member("worker-2")?.podUpgradeStatus == .upgrading)
    stage.slowPods = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("deletes a pod that is down on the old image, which its set does not replace")
  func stuckOnOldImage() {
    var stage = Up.workers()
    for pod in ["worker-0", "worker-1"] {
      stage.crash("c-\(pod)", loops: true)
      stage.slowPods.insert(pod)
    }
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .upgrading }
    #expect(stage.record { $0.settle() } == "delete worker-1")
    stage.slowPods = ["worker-0"]
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          worker-1 runs worker:1.1
        install worker-1 upgrade
        worker-1 PodConfigured
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        stalled no more
        apply worker worker:1.1 partition 0 replicas 2
        delete worker-0
        """)
    #expect(stage.violations == [])
  }

  @Test("reports the pod that is down if a claimed pod is not replaced because of it")
  func bystanderDownAfterClaim() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .upgrading }
    stage.crash("c-worker-0")
    stage.slowPods = ["worker-0"]
    stage.settle()
    #expect(stage.pod("worker-1")?.image == "worker:1.0")
    #expect(
      stage.status?.condition(.progressing)?.message == "from app-1.0 to app-1.1; worker waits for c-worker-0"
    )
    stage.slowPods = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("sets up an upgraded pod that was recreated with the old image, and continues the rollback")
  func cameBackByItself() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.commit(app: "app-1.0")
    _ = stage.daemonObserves()
    // All of this happens before the daemon observes anything again.
    stage.terminate("c-worker-1")
    _ = stage.nodeActs(on: "c-worker-1")
    _ = stage.syncSet("worker")
    _ = stage.nodeActs(on: "c-worker-1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        claim worker-1 PodRollingBack
        install worker-1 revert
        worker-1 PodConfigured
        script worker-1 --pod_reverted
        done worker-1
        claim worker-0 PodRollingBack
        install worker-0 revert
        worker-0 PodConfigured
        script worker-0 --pod_reverted
        done worker-0
        apply worker worker:1.0 partition 0 replicas 2
        end app-1.0
        state configured
        apply worker worker:1.0 at rest replicas 2
        """)
    #expect(stage.violations == [])
  }

  @Test("rolls back two pods that are down without waiting for each other")
  func twoDown() {
    var stage = Up.workers(3)
    stage.commit(app: "app-1.1")
    stage.settle {
      $0.member("worker-1")?.podUpgradeStatus == .upgrading && $0.pod("worker-1")?.image == "worker:1.1"
    }
    stage.badImages = ["worker:1.1"]
    stage.terminate("c-worker-2")
    stage.settle()
    #expect(stage.pods.values.filter { $0.waitingReason == "ErrImagePull" }.count == 2)
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role worker RoleRollingBack
        stalled no more
        apply worker worker:1.0 OnDelete replicas 3
        claim worker-1 PodRollingBack
        delete worker-1
          worker-1 runs worker:1.0
        install worker-1 revert
        worker-1 PodConfigured
        script worker-1 --pod_reverted
        claim worker-2 PodRollingBack
        done worker-1
        delete worker-2
          worker-2 runs worker:1.0
        install worker-2 revert
        worker-2 PodConfigured
        script worker-2 --pod_reverted
        done worker-2
        apply worker worker:1.0 partition 0 replicas 3
        end app-1.0
        state configured
        apply worker worker:1.0 at rest replicas 3
        """)
    #expect(stage.violations == [])
  }

  @Test(
    "rolls back the pod in upgrade before one that is down for another reason and may recover"
  )
  func takenBeforeDown() {
    var stage = Up.workers(3)
    stage.commit(app: "app-1.1")
    stage.settle {
      $0.member("worker-1")?.podUpgradeStatus == .upgrading && $0.pod("worker-1")?.image == "worker:1.1"
    }
    stage.slowPods = ["worker-1"]
    stage.unreadyPods = ["worker-2"]
    stage.settle()
    stage.commit(app: "app-1.0")
    stage.settle { $0.sets["worker"]?.strategy == .onDelete }
    _ = stage.syncSet("worker")
    // The daemon is killed between the claim and the deletion.
    stage.daemon.life = 1
    _ = stage.daemonObserves()
    stage.unreadyPods = []
    _ = stage.nodeActs(on: "c-worker-2")
    let transcript = stage.record { $0.settle(until: { $0.member("worker-1")?.upgrade?.done == true }) }
    #expect(
      transcript == """
        delete worker-1
        """)
    stage.slowPods = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("recreates a deleted StatefulSet from the old template first")
  func setDeleted() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.sets = [:]
    for pod in stage.pods.keys { stage.terminate(pod) }
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        apply worker worker:1.0 at rest replicas 2
        apply worker worker:1.1 at rest replicas 2
        apply worker worker:1.1 partition 0 replicas 2
          worker-0 runs worker:1.1
          worker-1 runs worker:1.1
        install worker-0 upgrade
        install worker-1 fresh
        worker-0 PodConfigured
        script worker-0 --pod_upgraded
        script worker-1 --configure
        end app-1.1
        state configured
        apply worker worker:1.1 at rest replicas 2
        """)
    #expect(stage.status?.state == .configured)
  }
}
