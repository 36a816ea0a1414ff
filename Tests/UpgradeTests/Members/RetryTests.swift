import KubeDirector
import Testing
import Upgrade
import Values

@Suite("Retry requests")
struct RetryTests {
  /// An upgrade whose hook fails in worker-1.
  static func failed() -> Stage {
    var stage = UpgradingTests.workers()
    stage.exitCodes["worker-1 pod_upgraded"] = 7
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.exitCodes = [:]
    return stage
  }

  @Test(
    "run the failed script of the named pod again in the same container, and the upgrade continues")
  func hook() {
    var stage = Self.failed()
    stage.annotate(Wire.Annotation.retry, "c-worker-1 first")
    let transcript = stage.record {
      $0.settle(until: { $0.member("worker-0")?.podUpgradeStatus == .upgrading })
    }
    #expect(
      transcript == """
        stalled no more
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 2
        """)
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("run the script once, also with another pass or daemon; a different value runs it again")
  func once() {
    var stage = Self.failed()
    stage.exitCodes["worker-1 pod_upgraded"] = 8
    stage.annotate(Wire.Annotation.retry, "c-worker-1 first")
    let first = stage.record { $0.settle() }
    #expect(
      first == """
        stalled no more
        script worker-1 --pod_upgraded
        error worker-1: startscript --pod_upgraded ended with exit code 8
        stalled ConfigError: worker-1: startscript --pod_upgraded ended with exit code 8; to return to app-1.0, revert commit commit2
        """)
    stage.killDaemon()
    #expect(stage.record { $0.settle() } == "")
    stage.exitCodes = [:]
    stage.annotate(Wire.Annotation.retry, "c-worker-1 second")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("run the script once if the daemon is killed at any write", arguments: 0..<8)
  func killed(writes: Int) {
    var stage = Self.failed()
    stage.annotate(Wire.Annotation.retry, "c-worker-1 1")
    stage.daemon.life = writes
    stage.settle()
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.containers.values.allSatisfy { $0.starts.values.allSatisfy { $0 == 1 } })
    #expect(stage.violations == [])
  }

  @Test("install a package again whose installation failed")
  func package() {
    var stage = UpgradingTests.workers()
    stage.exitCodes["worker-1 install"] = 22
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.member("worker-1")?.detail.failedStep == .install)
    stage.exitCodes = [:]
    stage.annotate(Wire.Annotation.retry, "c-worker-1")
    let transcript = stage.record { $0.settle(until: { $0.member("worker-1")?.upgrade?.done == true }) }
    #expect(
      transcript == """
        stalled no more
        install worker-1 upgrade
        worker-1 PodConfigured
        script worker-1 --pod_upgraded
        done worker-1
        claim worker-0 PodUpgrading
        apply worker worker:1.1 partition 0 replicas 2
        """)
  }

  @Test("run --configure of a new cluster and --addnodes again, and nothing else")
  func otherScripts() {
    var stage = Stage([.init(id: "web"), .init(id: "worker")])
    stage.exitCodes["web-0 configure"] = 3
    stage.settle()
    stage.exitCodes = ["web-0 addnodes": 4]
    stage.annotate(Wire.Annotation.retry, "c-web-0 1")
    stage.settle()
    #expect(stage.status?.state == .configured)
    stage.commit(members: 2, of: "worker")
    stage.settle()
    #expect(stage.member("web-0")?.state == .configError)
    stage.exitCodes = [:]
    stage.annotate(Wire.Annotation.retry, "c-web-0 2")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        stalled no more
        script web-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("run the failed one of several pending scripts again, before the others")
  func theOneThatFailed() {
    var stage = Stage([.init(id: "worker"), .init(id: "web", events: ["configure"])])
    stage.settle()
    stage.slowPods = ["worker-1"]
    stage.commit(members: 2, of: "worker")
    stage.settle()
    stage.exitCodes["worker-0 addnodes"] = 4
    stage.commit(members: 2, of: "web")
    stage.settle()
    stage.exitCodes = [:]
    stage.slowPods = []
    stage.settle()
    #expect(stage.member("worker-0")?.state == .configError)
    stage.annotate(Wire.Annotation.retry, "c-worker-0 1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        stalled no more
        script worker-0 --addnodes --role web --fqdns c-web-1.c.default.svc.test --nodegroup 1
        script worker-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test(
    "run nothing if nothing has failed, and the status says so",
    arguments: [
      ("c-worker-0", "nothing has failed in c-worker-0"),
      ("c-none-7 x", "the cluster has no member c-none-7"),
    ])
  func nothingFailed(request: String, reason: String) {
    var stage = UpgradingTests.workers()
    stage.annotate(Wire.Annotation.retry, request)
    let decision = stage.decision()
    #expect(decision?.actions == [.emit(.retryIgnored(reason: reason))])
    #expect(stage.record { $0.settle() } == "")
    #expect(stage.orders == UpgradingTests.workers().orders)
  }

  @Test("change nothing for a container that is gone, because a new one is set up anyway")
  func containerIsGone() {
    var stage = Self.failed()
    stage.slowPods = ["worker-1"]
    stage.crash("c-worker-1")
    stage.annotate(Wire.Annotation.retry, "c-worker-1 1")
    let decision = stage.decision()
    #expect(
      decision?.actions.contains(
        .emit(
          .retryIgnored(reason: "the container of c-worker-1 is gone, and the next one is set up anew")))
        == true)
  }

  @Test("are kept while the cluster is suspended")
  func suspended() {
    var stage = Self.failed()
    stage.annotate(Wire.Annotation.suspend, "true")
    stage.annotate(Wire.Annotation.retry, "c-worker-1 1")
    #expect(stage.record { $0.settle() } == "")
    stage.annotate(Wire.Annotation.suspend, nil)
    stage.settle()
    #expect(stage.status?.state == .configured)
  }

  @Test("are remembered by a digest if they are long")
  func long() throws {
    var metadata = Metadata(name: "c", namespace: "default")
    metadata.annotations[Wire.Annotation.retry] = "c-worker-1 " + String(repeating: "x", count: 100_000)
    let request = try #require(RetryRequest(metadata))
    #expect(request.pod == "c-worker-1" && request.mark.utf8.count == 10)
  }
}
