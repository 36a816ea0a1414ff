import KubeDirector
import Testing
import Upgrade

@Suite("Rolling an upgrade back")
struct RollingBackTests {
  typealias Up = UpgradingTests

  @Test(
    "reverts only touched pods, the stuck one first: role A done, B stuck on its second pod, C untouched"
  )
  func inTheMiddle() {
    var stage = Up.settled(
      [.init(id: "a"), .init(id: "b", members: 3), .init(id: "c", members: 2)],
      tags: ["a": "1.1", "b": "1.1", "c": "1.1"])
    stage.sets["c"]?.disruptionsAllowed = 0
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("b-2")?.upgrade?.done == true }
    stage.badImages = ["b:1.1"]
    stage.settle()
    #expect(stage.status?.role("a")?.upgradeStatus == .upgraded)
    #expect(stage.member("c-1")?.upgrade == nil)
    let still = stage.pods.filter { $0.value.image.hasSuffix(":1.0") }.compactMapValues(\.container)
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role a RoleRollingBack
        role b RoleRollingBack
        role c RoleRollingBack
        stalled no more
        apply a a:1.0 OnDelete replicas 1
        apply b b:1.0 OnDelete replicas 3
        apply c c:1.0 at rest replicas 2
        claim a-0 PodRollingBack
        claim b-1 PodRollingBack
        role c RoleRolledBack
        delete a-0
        delete b-1
          a-0 runs a:1.0
          b-1 runs b:1.0
        install a-0 revert
        install b-1 revert
        a-0 PodConfigured
        b-1 PodConfigured
        script a-0 --pod_reverted
        script b-1 --pod_reverted
        done a-0
        claim b-2 PodRollingBack
        done b-1
        apply a a:1.0 partition 0 replicas 1
        delete b-2
        role a RoleRolledBack
        apply a a:1.0 at rest replicas 1
          b-2 runs b:1.0
        install b-2 revert
        b-2 PodConfigured
        script b-2 --pod_reverted
        done b-2
        apply b b:1.0 partition 0 replicas 3
        end app-1.0
        state configured
        apply b b:1.0 at rest replicas 3
        """)
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.app == "app-1.0")
    #expect(stage.pods.filter { still[$0.key] != nil }.compactMapValues(\.container) == still)
    #expect(stage.violations == [])
  }

  @Test("runs --pod_reverted in a pod whose new image never ran, and nothing in an untouched pod")
  func neverRan() {
    var stage = Up.workers()
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    let untouched = stage.pod("worker-0")?.container
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role worker RoleRollingBack
        stalled no more
        apply worker worker:1.0 OnDelete replicas 2
        claim worker-1 PodRollingBack
        delete worker-1
          worker-1 runs worker:1.0
        install worker-1 revert
        worker-1 PodConfigured
        script worker-1 --pod_reverted
        done worker-1
        apply worker worker:1.0 partition 0 replicas 2
        end app-1.0
        state configured
        apply worker worker:1.0 at rest replicas 2
        """)
    #expect(stage.pod("worker-0")?.container == untouched)
    #expect(stage.violations == [])
  }

  @Test("reverts a completed role from the last pod to the first, to its old revision")
  func roleDone() {
    var stage = Up.settled(
      [.init(id: "worker", members: 2, hasStorage: true), .init(id: "slow")],
      tags: ["worker": "1.1", "slow": "1.1"])
    stage.badImages = ["slow:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.status?.role("worker")?.upgradeStatus == .upgraded)
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role worker RoleRollingBack
        role slow RoleRollingBack
        stalled no more
        apply worker worker:1.0 OnDelete replicas 2
        apply slow slow:1.0 OnDelete replicas 1
        claim worker-1 PodRollingBack
        claim slow-0 PodRollingBack
        delete worker-1
        delete slow-0
          slow-0 runs slow:1.0
          worker-1 runs worker:1.0
        install worker-1 revert from backup
        install slow-0 revert
        worker-1 PodConfigured
        slow-0 PodConfigured
        script worker-1 --pod_reverted
        script slow-0 --pod_reverted
        done worker-1
        claim worker-0 PodRollingBack
        done slow-0
        delete worker-0
        apply slow slow:1.0 partition 0 replicas 1
        role slow RoleRolledBack
        apply slow slow:1.0 at rest replicas 1
          worker-0 runs worker:1.0
        install worker-0 revert from backup
        worker-0 PodConfigured
        script worker-0 --pod_reverted
        done worker-0
        apply worker worker:1.0 partition 0 replicas 2
        end app-1.0
        state configured
        apply worker worker:1.0 at rest replicas 2
        discard backup worker-0
        discard backup worker-1
        """)
    #expect(stage.sets["worker"]?.currentRevision == "rev-worker:1.0")
    #expect(stage.violations == [])
  }

  @Test("reverts a pod in place that was claimed but not replaced")
  func claimedOnly() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.sets["worker"]?.image == "worker:1.1" }
    _ = stage.syncSet("worker")
    // The daemon is killed between the claim and the lowering of the partition.
    stage.daemon.life = 1
    _ = stage.daemonObserves()
    #expect(stage.member("worker-1")?.podUpgradeStatus == .upgrading)
    #expect(stage.sets["worker"]?.strategy == .atRest)
    let container = stage.pod("worker-1")?.container
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role worker RoleRollingBack
        apply worker worker:1.0 OnDelete replicas 2
        claim worker-1 PodRollingBack
        install worker-1 revert
        worker-1 PodConfigured
        script worker-1 --pod_reverted
        done worker-1
        apply worker worker:1.0 partition 0 replicas 2
        end app-1.0
        state configured
        apply worker worker:1.0 at rest replicas 2
        """)
    #expect(stage.pod("worker-1")?.container == container)
    #expect(stage.violations == [])
  }

  @Test("restores only the templates if no pod was claimed")
  func nothingTouched() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.status?.upgradeInfo != nil }
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role worker RoleRollingBack
        apply worker worker:1.0 at rest replicas 2
        end app-1.0
        state configured
        """)
  }

  @Test("reverts a pod with a failed hook without waiting")
  func failedHook() {
    var stage = Up.workers()
    stage.exitCodes["worker-1 pod_upgraded"] = 7
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role worker RoleRollingBack
        stalled no more
        apply worker worker:1.0 OnDelete replicas 2
        claim worker-1 PodRollingBack
        delete worker-1
          worker-1 runs worker:1.0
        install worker-1 revert
        worker-1 PodConfigured
        script worker-1 --pod_reverted
        done worker-1
        apply worker worker:1.0 partition 0 replicas 2
        end app-1.0
        state configured
        apply worker worker:1.0 at rest replicas 2
        """)
    #expect(stage.status?.members.allSatisfy { $0.detail.configError == nil } == true)
    #expect(stage.violations == [])
  }

  @Test("stops a role whose --pod_reverted fails, and continues with the others")
  func failedRevert() {
    var stage = Up.settled(
      [.init(id: "a"), .init(id: "worker", members: 2)], tags: ["a": "1.1", "worker": "1.1"])
    stage.badImages = ["a:1.1"]
    stage.exitCodes["worker-1 pod_reverted"] = 9
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        rollback app-1.1 to app-1.0
        role a RoleRollingBack
        role worker RoleRollingBack
        stalled no more
        apply a a:1.0 OnDelete replicas 1
        apply worker worker:1.0 OnDelete replicas 2
        claim a-0 PodRollingBack
        claim worker-1 PodRollingBack
        delete a-0
        delete worker-1
          a-0 runs a:1.0
          worker-1 runs worker:1.0
        install a-0 revert
        install worker-1 revert
        a-0 PodConfigured
        worker-1 PodConfigured
        script a-0 --pod_reverted
        script worker-1 --pod_reverted
        done a-0
        error worker-1: startscript --pod_reverted ended with exit code 9
        stalled ConfigError: worker-1: startscript --pod_reverted ended with exit code 9; fix the cause, then kdops retry default/c/worker-1
        apply a a:1.0 partition 0 replicas 1
        role a RoleRolledBack
        apply a a:1.0 at rest replicas 1
        """)
    #expect(stage.status?.state == .updating)
    #expect(stage.pod("worker-0")?.image == "worker:1.1")
  }

  @Test("ignores another change of app during the rollback, and evaluates it at the end")
  func secondRollback() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.upgrade?.done == true }
    stage.commit(app: "app-1.0")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .rollingBack }
    stage.commit(app: "app-1.1")
    stage.history = []
    stage.settle()
    #expect(stage.history.first { $0.state == .configured }?.app == "app-1.0")
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.violations == [])
  }

  @Test("does not restart pods made from an older encoding of the same template")
  func olderSpelling() {
    var stage = Up.workers(3)
    for name in stage.pods.keys { stage.pods[name]?.revision = "rev-old" }
    stage.sets["worker"]?.currentRevision = "rev-old"
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-2")?.upgrade?.done == true }
    let untouched = stage.pod("worker-0")?.container
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.pod("worker-0")?.container == untouched)
  }

  @Test(
    "keeps a pod that was claimed but not replaced, even if the next daemon encodes its template differently")
  func claimedAndSpelledOtherwise() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.sets["worker"]?.image == "worker:1.1" }
    _ = stage.syncSet("worker")
    stage.daemon.life = 1
    _ = stage.daemonObserves()
    #expect(stage.member("worker-1")?.podUpgradeStatus == .upgrading)
    let container = stage.pod("worker-1")?.container
    stage.spelling = 1
    stage.commit(app: "app-1.0")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .configured }
    #expect(stage.pod("worker-1")?.container == container)
    // A pod that is deleted is recreated from the current template, and gets its pending scripts.
    stage.happen(.podDeleted("worker-1"))
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.pod("worker-1")?.revision == "rev-worker:1.0'")
    #expect(stage.violations == [])
  }

  @Test("starts the next upgrade without state of the rolled back one")
  func again() {
    var stage = Up.workers()
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stage.status?.members.allSatisfy { $0.upgrade == nil && $0.podUpgradeStatus == nil } == true)
    stage.badImages = []
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }
}
