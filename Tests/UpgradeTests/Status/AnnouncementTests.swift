import KubeDirector
import Testing
import Upgrade

@Suite("Optional events of an app")
struct AnnouncementTests {
  static let all = ["configure", "role_upgraded", "role_reverted", "cluster_upgraded", "cluster_reverted"]

  func stage(events: [String] = Self.all) -> Stage {
    UpgradingTests.settled(
      [.init(id: "worker", members: 2, events: events), .init(id: "web", events: events)],
      tags: ["worker": "1.1"])
  }

  @Test("sends a role's event when the role is done, and the cluster's at the end, before configured")
  func upgraded() {
    var stage = stage()
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        upgrade app-1.0 to app-1.1
        role worker RoleUpgrading
        state updating
        apply worker worker:1.1 at rest replicas 2
        claim worker-1 PodUpgrading
        apply worker worker:1.1 partition 1 replicas 2
          set replaces worker-1
          worker-1 runs worker:1.1
        install worker-1 upgrade
        worker-1 PodConfigured
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 2
          set replaces worker-0
          worker-0 runs worker:1.1
        install worker-0 upgrade
        worker-0 PodConfigured
        script worker-0 --pod_upgraded
        done worker-0
        role worker RoleUpgraded
        apply worker worker:1.1 at rest replicas 2
        script worker-0 --role_upgraded
        script worker-1 --role_upgraded
        script worker-0 --cluster_upgraded
        script worker-1 --cluster_upgraded
        script web-0 --cluster_upgraded
        end app-1.1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("sends the revert events in the same order on a rollback")
  func reverted() {
    var stage = stage()
    stage.exitCodes["worker-0 pod_upgraded"] = 1
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
        claim worker-0 PodRollingBack
        delete worker-0
          worker-0 runs worker:1.0
        install worker-0 revert
        worker-0 PodConfigured
        script worker-0 --pod_reverted
        claim worker-1 PodRollingBack
        done worker-0
        delete worker-1
          worker-1 runs worker:1.0
        install worker-1 revert
        worker-1 PodConfigured
        script worker-1 --pod_reverted
        done worker-1
        apply worker worker:1.0 partition 0 replicas 2
        role worker RoleRolledBack
        apply worker worker:1.0 at rest replicas 2
        script worker-0 --role_reverted
        script worker-1 --role_reverted
        script worker-0 --cluster_reverted
        script worker-1 --cluster_reverted
        script web-0 --cluster_reverted
        end app-1.0
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("sends no event for a rollback that had nothing to roll back")
  func nothingTouched() {
    var stage = stage()
    stage.commit(app: "app-1.1")
    stage.settle { $0.status?.upgradeInfo != nil }
    stage.commit(app: "app-1.0")
    let transcript = stage.record { $0.settle() }
    #expect(!transcript.contains("script"))
    #expect(stage.status?.state == .configured)
  }

  @Test("stalls the upgrade if a cluster event fails; the upgrade can still be rolled back")
  func clusterEventFails() {
    var stage = stage()
    stage.exitCodes["web-0 cluster_upgraded"] = 5
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-web-0: startscript --cluster_upgraded ended with exit code 5; to return to app-1.0, revert commit commit2"
    )
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.app == "app-1.0")
    #expect(stage.member("web-0")?.detail.configError == nil)
    #expect(stage.violations == [])
  }

  @Test("withdraws pending events on a rollback, but still reports an unaffected pod without a package")
  func bystanderWithoutPackage() {
    var stage = stage()
    stage.exitCodes["web-0 install"] = 22
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("web-0")?.detail.pendingNotifications.first?.event == .clusterUpgraded }
    stage.crash("c-web-0")
    stage.settle()
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stage.member("web-0")?.state == .configError)
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-web-0: config package could not be installed (exit 22); "
        + "fix the cause, then kdops retry default/c/c-web-0")
    stage.exitCodes = [:]
    stage.terminate("c-web-0")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.app == "app-1.0")
    #expect(stage.violations == [])
  }

  @Test("sends each listed event once, whenever the daemon is killed")
  func killed() {
    var clean = stage()
    clean.statusWrites = 0
    clean.commit(app: "app-1.1")
    let count = clean.writesUntilRest()
    for writes in 0..<count {
      var stage = stage()
      stage.commit(app: "app-1.1")
      stage.daemon.life = writes
      stage.settle()
      #expect(stage.scriptsByPod == clean.scriptsByPod, "killed after \(writes) of \(count) writes")
      #expect(stage.violations == [])
    }
  }
}
