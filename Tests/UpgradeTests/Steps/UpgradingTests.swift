import KubeDirector
import Testing
import Upgrade

@Suite("Upgrading a cluster")
struct UpgradingTests {
  static func settled(_ roles: [Stage.Role], tags: [String: String]) -> Stage {
    var stage = Stage(roles, versions: ["1.0": [:], "1.1": tags, "1.2": tags.mapValues { _ in "1.2" }])
    stage.settle()
    return stage
  }

  /// Two workers of a configured cluster, with a different image in 1.1.
  static func workers(_ members: Int = 2, hasStorage: Bool = false) -> Stage {
    settled([.init(id: "worker", members: members, hasStorage: hasStorage)], tags: ["worker": "1.1"])
  }

  @Test(
    "upgrades roles in parallel, each from the last pod to the first, and skips a role with the same image"
  )
  func threeRoles() {
    var stage = Self.settled(
      [.init(id: "controller"), .init(id: "worker", members: 3), .init(id: "gateway", members: 2)],
      tags: ["controller": "1.1", "worker": "1.1"])
    let untouched = stage.pod("gateway-1")?.container
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        upgrade app-1.0 to app-1.1
        role controller RoleUpgrading
        role worker RoleUpgrading
        state updating
        apply controller controller:1.1 at rest replicas 1
        apply worker worker:1.1 at rest replicas 3
        claim controller-0 PodUpgrading
        claim worker-2 PodUpgrading
        apply controller controller:1.1 partition 0 replicas 1
        apply worker worker:1.1 partition 2 replicas 3
          set replaces controller-0
          set replaces worker-2
          controller-0 runs controller:1.1
          worker-2 runs worker:1.1
        install controller-0 upgrade
        install worker-2 upgrade
        controller-0 PodConfigured
        worker-2 PodConfigured
        script controller-0 --pod_upgraded
        script worker-2 --pod_upgraded
        done controller-0
        role controller RoleUpgraded
        done worker-2
        claim worker-1 PodUpgrading
        apply controller controller:1.1 at rest replicas 1
        apply worker worker:1.1 partition 1 replicas 3
          set replaces worker-1
          worker-1 runs worker:1.1
        install worker-1 upgrade
        worker-1 PodConfigured
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 3
          set replaces worker-0
          worker-0 runs worker:1.1
        install worker-0 upgrade
        worker-0 PodConfigured
        script worker-0 --pod_upgraded
        end app-1.1
        state configured
        apply worker worker:1.1 at rest replicas 3
        """)
    #expect(stage.violations == [])
    #expect(stage.pod("gateway-1")?.container == untouched)
    #expect(stage.pods.values.allSatisfy { $0.appLabel == "app-1.1" })
  }

  @Test("handles roles without a package, without members, and with storage")
  func kindsOfRoles() {
    var stage = Self.settled(
      [
        .init(id: "plain", hasPackage: false), .init(id: "none", members: 0),
        .init(id: "store", hasStorage: true),
      ],
      tags: ["plain": "1.1", "none": "1.1", "store": "1.1"])
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        upgrade app-1.0 to app-1.1
        role plain RoleUpgrading
        role none RoleUpgrading
        role store RoleUpgrading
        state updating
        apply plain plain:1.1 at rest replicas 1
        apply none none:1.1 at rest replicas 0
        apply store store:1.1 at rest replicas 1
        claim plain-0 PodUpgrading
        claim store-0 PodUpgrading
        apply plain plain:1.1 partition 0 replicas 1
        apply none none:1.1 partition 0 replicas 0
        apply store store:1.1 partition 0 replicas 1
          set replaces plain-0
          set replaces store-0
        role none RoleUpgraded
        apply none none:1.1 at rest replicas 0
          plain-0 runs plain:1.1
          store-0 runs store:1.1
        plain-0 PodConfigured
        done plain-0
        install store-0 upgrade with backup
        role plain RoleUpgraded
        store-0 PodConfigured
        apply plain plain:1.1 at rest replicas 1
        script store-0 --pod_upgraded
        end app-1.1
        state configured
        apply store store:1.1 at rest replicas 1
        discard backup store-0
        """)
    #expect(stage.violations == [])
  }

  @Test("ends at once if no image changes")
  func noImage() {
    var stage = Self.settled([.init(id: "worker", members: 2)], tags: [:])
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        app app-1.1
        """)
  }

  @Test(
    "stops only the role of a tag that cannot be pulled, at its last pod, and reports reason and remedy"
  )
  func badTag() {
    var stage = Self.settled(
      [.init(id: "broker"), .init(id: "worker", members: 2)], tags: ["broker": "1.1", "worker": "1.1"])
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        upgrade app-1.0 to app-1.1
        role broker RoleUpgrading
        role worker RoleUpgrading
        state updating
        apply broker broker:1.1 at rest replicas 1
        apply worker worker:1.1 at rest replicas 2
        claim broker-0 PodUpgrading
        claim worker-1 PodUpgrading
        apply broker broker:1.1 partition 0 replicas 1
        apply worker worker:1.1 partition 1 replicas 2
          set replaces broker-0
          set replaces worker-1
          broker-0 runs broker:1.1
          worker-1 cannot pull worker:1.1
        stalled ErrImagePull: worker-1: ErrImagePull: worker:1.1 not found; to return to app-1.0, revert commit commit2
        install broker-0 upgrade
        broker-0 PodConfigured
        script broker-0 --pod_upgraded
        done broker-0
        role broker RoleUpgraded
        apply broker broker:1.1 at rest replicas 1
        """)
    #expect(stage.status?.condition(.stalled)?.reason == "ErrImagePull")
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-worker-1: ErrImagePull: worker:1.1 not found; to return to app-1.0, revert commit commit2")
    #expect(stage.member("worker-0")?.upgrade == nil)
    #expect(stage.pod("worker-0")?.image == "worker:1.0")
  }

  @Test("continues when a pull succeeds in the end")
  func pullHeals() {
    var stage = Self.workers()
    stage.badImages = ["worker:1.1"]
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.happen(.imageRepaired("worker:1.1"))
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.condition(.stalled)?.status == false)
  }

  @Test("stops the role of a failed script, and never retries it without a request")
  func scriptFails() {
    var stage = Self.settled(
      [.init(id: "broker", members: 2), .init(id: "worker", members: 2)],
      tags: ["broker": "1.1", "worker": "1.1"])
    stage.exitCodes["worker-1 pod_upgraded"] = 7
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        upgrade app-1.0 to app-1.1
        role broker RoleUpgrading
        role worker RoleUpgrading
        state updating
        apply broker broker:1.1 at rest replicas 2
        apply worker worker:1.1 at rest replicas 2
        claim broker-1 PodUpgrading
        claim worker-1 PodUpgrading
        apply broker broker:1.1 partition 1 replicas 2
        apply worker worker:1.1 partition 1 replicas 2
          set replaces broker-1
          set replaces worker-1
          broker-1 runs broker:1.1
          worker-1 runs worker:1.1
        install broker-1 upgrade
        install worker-1 upgrade
        broker-1 PodConfigured
        worker-1 PodConfigured
        script broker-1 --pod_upgraded
        script worker-1 --pod_upgraded
        done broker-1
        claim broker-0 PodUpgrading
        error worker-1: startscript --pod_upgraded ended with exit code 7
        stalled ConfigError: worker-1: startscript --pod_upgraded ended with exit code 7; to return to app-1.0, revert commit commit2
        apply broker broker:1.1 partition 0 replicas 2
          set replaces broker-0
          broker-0 runs broker:1.1
        install broker-0 upgrade
        broker-0 PodConfigured
        script broker-0 --pod_upgraded
        done broker-0
        role broker RoleUpgraded
        apply broker broker:1.1 at rest replicas 2
        """)
    for _ in 0..<3 {
      stage.annotate("touched", "\(stage.now)")
      #expect(stage.record { $0.settle() } == "")
      stage.killDaemon()
      stage.settle()
    }
    #expect(stage.member("worker-1")?.upgrade?.exitCode == 7)
    #expect(stage.containers.values.allSatisfy { $0.starts.values.allSatisfy { $0 == 1 } })
  }

  @Test("runs a failed hook again in a new container")
  func scriptFailsThenContainerRestarts() {
    var stage = Self.workers()
    stage.exitCodes["worker-1 pod_upgraded"] = 7
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.exitCodes = [:]
    stage.crash("c-worker-1")
    let transcript = stage.record {
      $0.settle(until: { $0.member("worker-0")?.podUpgradeStatus == .upgrading })
    }
    #expect(
      transcript == """
          worker-1 runs worker:1.1
        install worker-1 upgrade
        stalled no more
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 2
        """)
  }

  @Test("ignores a third app during the upgrade, and does not report its generation as done")
  func thirdApp() throws {
    var stage = Self.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.commit(app: "app-1.2")
    stage.history = []
    stage.settle()
    let between = try #require(stage.history.first { $0.state == .configured })
    #expect(between.app == "app-1.1")
    #expect(between.observedGeneration == 2)
    #expect(between.specCommit == "commit2")
    #expect(stage.status?.app == "app-1.2")
    #expect(stage.status?.observedGeneration == 3)
    #expect(stage.violations == [])
  }

  @Test("neither starts nor stops because of an edit of spec.app in the cluster")
  func tampered() {
    var stage = Self.workers()
    stage.isStamped = false
    stage.commit(app: "app-1.1")
    #expect(stage.record { $0.settle() } == "")
    stage.commit(app: "app-1.0")
    stage.isStamped = true
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .upgrading }
    stage.isStamped = false
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stage.status?.upgradeInfo == nil)
    #expect(stage.status?.app == "app-1.1")
  }

  @Test("creates no template from a spec without a valid stamp")
  func tamperedTemplate() {
    var stage = Self.workers()
    stage.commit(app: "app-1.1")
    stage.daemon.life = 1
    _ = stage.daemonObserves()
    #expect(stage.status?.upgradeInfo != nil)
    stage.isStamped = false
    stage.annotate("touched", "1")
    #expect(stage.record { $0.settle() } == "")
    stage.isStamped = true
    stage.annotate("touched", "2")
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.status?.state == .configured)
  }

  @Test("starts only when the cluster is configured")
  func notConfigured() {
    var stage = Stage([.init(id: "worker", members: 2)], versions: ["1.0": [:], "1.1": ["worker": "1.1"]])
    stage.settle { $0.member("worker-0")?.detail.pendingNotifications.isEmpty == false }
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle(until: { $0.status?.upgradeInfo != nil }) }
    #expect(
      transcript == """
        state configured
        upgrade app-1.0 to app-1.1
        role worker RoleUpgrading
        state updating
        apply worker worker:1.1 at rest replicas 2
        """)
  }

  @Test("waits for a member that is being configured anew outside any upgrade")
  func reconfiguring() {
    var stage = Self.workers()
    stage.heldScripts = ["worker-0"]
    stage.crash("c-worker-0")
    stage.settle()
    stage.heldScripts = []
    _ = stage.commandEnds(in: "c-worker-0")
    _ = stage.daemonObserves()
    #expect(stage.status?.state == .updating)
    stage.commit(app: "app-1.1")
    stage.settle { $0.status?.upgradeInfo != nil }
    #expect(stage.member("worker-0")?.detail.pendingNotifications == [])
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.violations == [])
  }

  @Test("takes no step while suspended, but still records results")
  func suspended() {
    var stage = Self.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.containers.values.contains { $0.running != nil } }
    stage.annotate(Wire.Annotation.suspend, "true")
    let transcript = stage.record { $0.settle() }
    #expect(transcript == "done worker-1")
    #expect(stage.status?.condition(.progressing)?.reason == "Suspended")
    stage.annotate(Wire.Annotation.suspend, nil)
    stage.settle()
    #expect(stage.status?.state == .configured)
  }

  @Test("stalls if the app disappears during the upgrade, and continues when it returns")
  func appGoesMissing() {
    var stage = Self.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.pod("worker-1")?.image == "worker:1.1" }
    let kept = stage.apps["app-1.1"]
    stage.apps["app-1.1"] = nil
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        stalled AppMissing: app app-1.1 is not in the cluster; restore its file
          worker-1 runs worker:1.1
        """)
    stage.apps["app-1.1"] = kept
    stage.annotate("touched", "1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("does not start if the app lacks a role of the cluster")
  func lacksRole() {
    var stage = Self.workers()
    let other = Stage([.init(id: "other")])
    stage.apps["app-2.0"] = other.apps["app-1.0"]
    stage.commit(app: "app-2.0")
    stage.settle()
    #expect(stage.status?.app == "app-1.0")
    #expect(stage.status?.upgradeInfo == nil)
    #expect(
      stage.status?.condition(.stalled)?.message
        == "app app-2.0 lacks a role of the cluster; return to app-1.0")
  }
}
