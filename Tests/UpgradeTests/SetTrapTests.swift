import KubeDirector
import Testing
import Upgrade

@Suite("Traps of StatefulSets")
struct SetTrapTests {
  typealias Up = UpgradingTests

  @Test("claims nothing before the StatefulSet controller has observed the new template")
  func unseenTemplate() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    _ = stage.daemonObserves()
    #expect(stage.sets["worker"]?.image == "worker:1.1")
    for _ in 0..<3 {
      stage.annotate("touched", "\(stage.clusterVersion)")
      _ = stage.daemonObserves()
    }
    #expect(stage.status?.members.allSatisfy { $0.upgrade == nil } == true)
    _ = stage.syncSet("worker")
    _ = stage.daemonObserves()
    #expect(stage.member("worker-1")?.podUpgradeStatus == .upgrading)
  }

  @Test(
    "deletes a stuck pod only after the StatefulSet controller has observed the old template"
  )
  func unseenOldTemplate() {
    var stage = Up.workers()
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(app: "app-1.0")
    for _ in 0..<3 {
      stage.annotate("touched", "\(stage.clusterVersion)")
      _ = stage.daemonObserves()
    }
    #expect(stage.sets["worker"]?.strategy == .onDelete)
    #expect(stage.pod("worker-1")?.isBeingDeleted == false)
    _ = stage.syncSet("worker")
    _ = stage.daemonObserves()
    #expect(stage.pod("worker-1")?.isBeingDeleted == true)
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test(
    "completes a role only when its new revision is current, so that a failed pod returns with the new image")
  func raisedTooEarly() {
    var stage = Up.settled([.init(id: "plain", members: 2, hasPackage: false)], tags: ["plain": "1.1"])
    stage.commit(app: "app-1.1")
    stage.settle { $0.pod("plain-0")?.image == "plain:1.1" }
    // The engine sees the last pod as ready before the StatefulSet controller does.
    _ = stage.nodeActs(on: "c-plain-0")
    _ = stage.daemonObserves()
    #expect(stage.member("plain-0")?.upgrade?.done == true)
    #expect(stage.status?.role("plain")?.upgradeStatus == .upgrading)
    stage.terminate("c-plain-1")
    _ = stage.nodeActs(on: "c-plain-1")
    _ = stage.syncSet("plain")
    #expect(stage.pod("plain-1")?.image == "plain:1.1")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("reports a pod that crashes on the wanted revision without replacing it, in upgrade and rollback")
  func crashesOnWanted() {
    var stage = Up.workers()
    stage.heldScripts = ["worker-1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    let forward = stage.pod("worker-1")?.uid
    for _ in 0..<4 {
      stage.crash("c-worker-1", loops: true)
      stage.settle()
    }
    #expect(stage.pod("worker-1")?.uid == forward)
    #expect(stage.status?.condition(.stalled)?.reason == "CrashLoopBackOff")
    stage.commit(app: "app-1.0")
    stage.settle()
    let back = stage.pod("worker-1")?.uid
    #expect(back != forward)
    for _ in 0..<4 {
      stage.crash("c-worker-1", loops: true)
      stage.settle()
    }
    #expect(stage.pod("worker-1")?.uid == back)
    #expect(stage.status?.condition(.stalled)?.reason == "CrashLoopBackOff")
    stage.heldScripts = []
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test(
    "compares revisions instead of images: pods whose image a webhook rewrites are replaced once each")
  func rewrittenImages() {
    var stage = Up.workers()
    for name in stage.pods.keys { stage.pods[name]?.image = "mirror/worker:1.0" }
    stage.commit(app: "app-1.1")
    var uids: [String: Set<String>] = [:]
    stage.settle { stage in
      for pod in stage.pods.values { uids[pod.name, default: []].insert(pod.uid) }
      return false
    }
    #expect(stage.status?.state == .configured)
    #expect(uids.values.allSatisfy { $0.count == 2 })
  }

  @Test(
    "does not delete a pod that has replaced the observed one under the same name")
  func anotherPod() {
    var stage = Up.workers()
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(app: "app-1.0")
    stage.settle { $0.sets["worker"]?.strategy == .onDelete }
    _ = stage.syncSet("worker")
    stage.see()
    // The stuck pod is deleted, and its successor exists before the daemon acts.
    stage.terminate("c-worker-1")
    _ = stage.nodeActs(on: "c-worker-1")
    _ = stage.syncSet("worker")
    _ = stage.nodeActs(on: "c-worker-1")
    let successor = stage.pod("worker-1")?.uid
    _ = stage.daemonActs()
    #expect(stage.pod("worker-1")?.isBeingDeleted == false)
    stage.settle()
    #expect(stage.pod("worker-1")?.uid == successor)
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }
}
