import KubeDirector
import Testing
import Upgrade

@Suite("New and leaving members")
struct MembershipTests {
  @Test("sets up new members first, then runs --addnodes in the existing ones")
  func grow() {
    var stage = Stage([.init(id: "worker"), .init(id: "web", services: ["http"])])
    stage.settle()
    stage.commit(members: 2, of: "worker")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        member worker-1 node 3
        state updating
        apply worker worker:1.0 at rest replicas 2
          worker-1 runs worker:1.0
        install worker-1 fresh
        script worker-1 --configure
        script worker-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        script web-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("removes leaving members first, then runs --delnodes in the remaining ones")
  func shrink() {
    var stage = Stage([
      .init(id: "worker", members: 3, services: ["http"]), .init(id: "quiet", events: ["configure"]),
    ])
    stage.settle()
    stage.commit(members: 1, of: "worker")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        leave worker-2
        leave worker-1
        state updating
        apply worker worker:1.0 at rest replicas 1
        forget worker-1
        forget worker-2
        delete service worker-1
        delete service worker-2
        script worker-0 --delnodes --role worker --fqdns c-worker-1.c.default.svc.test,c-worker-2.c.default.svc.test --nodegroup 1
        refresh quiet-0
        state configured
        """)
    #expect(stage.services == ["c", "c-worker-0"])
    #expect(stage.violations == [])
  }

  @Test("writes configmeta.json again, without a script, in roles that are not notified of the change")
  func refresh() {
    var stage = Stage([
      .init(id: "worker", services: ["http"]), .init(id: "quiet", events: ["configure"]),
      .init(id: "bare", hasPackage: false),
    ])
    stage.settle()
    stage.commit(members: 2, of: "worker")
    let grown = stage.record { $0.settle() }
    #expect(grown.contains("refresh quiet-0"), "\(grown)")
    #expect(!grown.contains("refresh worker-0") && !grown.contains("refresh bare-0"), "\(grown)")
    stage.commit(members: 1, of: "worker")
    let shrunk = stage.record { $0.settle() }
    #expect(shrunk.contains("refresh quiet-0"), "\(shrunk)")
    #expect(stage.status?.state == .configured)
    #expect(stage.violations == [])
  }

  @Test("keeps the services of an adopted cluster by their names, and deletes that of a leaving member")
  func adoptedServices() {
    var stage = Stage([.init(id: "worker", members: 2, services: ["http"])])
    stage.settle()
    stage.services = ["c", "s-0", "s-1"]
    stage.status?.roles[0].members[0].service = "s-0"
    stage.status?.roles[0].members[1].service = "s-1"
    stage.commit(members: 1, of: "worker")
    stage.settle()
    #expect(stage.services == ["c", "s-0"])
    #expect(stage.status?.members.map(\.service) == ["s-0"])
    #expect(stage.violations == [])
  }

  @Test("never reuses a node id")
  func nodeIDs() {
    var stage = Stage([.init(id: "worker", members: 2)])
    stage.settle()
    stage.commit(members: 1, of: "worker")
    stage.settle()
    stage.commit(members: 2, of: "worker")
    stage.settle()
    #expect(stage.status?.members.map(\.nodeID) == [1, 3])
  }

  @Test("creates members of an empty role with the current image")
  func fromNone() {
    var stage = Up.settled([.init(id: "worker", members: 0)], tags: ["worker": "1.1"])
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.commit(members: 1, of: "worker")
    stage.settle()
    #expect(stage.pod("worker-0")?.image == "worker:1.1")
    #expect(stage.status?.state == .configured)
  }

  @Test("creates an added role, and deletes a removed role's StatefulSet once its pods are gone")
  func roles() {
    var stage = Stage([.init(id: "worker"), .init(id: "web")])
    stage.settle()
    stage.commit(withoutRole: "web")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        leave web-0
        state updating
        apply web web:1.0 at rest replicas 0
        forget web-0
        delete set web
        script worker-0 --delnodes --role web --fqdns c-web-0.c.default.svc.test --nodegroup 1
        state configured
        """)
    stage.commit(role: .init(id: "web", members: 2))
    stage.settle()
    #expect(stage.status?.role("web")?.members.map(\.nodeID) == [3, 4])
    #expect(stage.violations == [])
  }

  @Test(
    "reports configured only after a removed role's StatefulSet is gone, and does not recreate it")
  func lastOfRole() {
    var stage = Stage([.init(id: "worker", events: []), .init(id: "web")])
    stage.settle()
    stage.commit(withoutRole: "web")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        leave web-0
        state updating
        apply web web:1.0 at rest replicas 0
        forget web-0
        delete set web
        refresh worker-0
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test(
    "removes a role even if its StatefulSet is deleted during the removal", arguments: [false, true])
  func setDeletedInBetween(isOrphaned: Bool) {
    var stage = Stage([.init(id: "worker"), .init(id: "web")])
    stage.settle()
    stage.commit(withoutRole: "web")
    stage.settle { $0.member("web-0")?.isLeaving == true }
    stage.sets["web"] = nil
    stage.seeSet("web")
    if !isOrphaned { stage.terminate("c-web-0") }
    stage.settle()
    #expect(stage.status?.role("web") == nil)
    #expect(stage.status?.state == .configured)
    #expect(stage.pod("web-0") == nil && stage.sets["web"] == nil)
  }

  @Test("stays configured if a role is removed while suspended, until the cluster is resumed")
  func removedWhileSuspended() {
    var stage = Stage([.init(id: "worker", events: []), .init(id: "web")])
    stage.settle()
    stage.annotate(Wire.Annotation.suspend, "true")
    stage.commit(withoutRole: "web")
    #expect(stage.record { $0.settle() } == "")
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.condition(.ready)?.status == true)
    stage.annotate(Wire.Annotation.suspend, nil)
    stage.settle()
    #expect(stage.status?.role("web") == nil)
    #expect(stage.status?.state == .configured)
  }

  @Test(
    "runs --delnodes for a new member whose --addnodes may have run in an earlier container with the volume"
  )
  func rememberedByVolume() {
    var stage = Stage([.init(id: "worker", hasStorage: true), .init(id: "web")])
    stage.settle()
    stage.heldScripts = ["worker-0"]
    stage.commit(members: 2, of: "web")
    stage.settle()
    stage.happen(.crash("worker-0", loops: false))
    stage.happen(.node("worker-0"))
    stage.happen(.looks)
    stage.commit(members: 1, of: "web")
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(!transcript.contains("--addnodes"))
    #expect(transcript.contains("script worker-0 --delnodes --role web --fqdns c-web-1.c.default.svc.test"))
    #expect(stage.violations == [])
  }

  @Test("keeps a removed role in the status until its services are gone, even if deletions fail")
  func servicesOfRole() {
    var stage = Stage([.init(id: "worker"), .init(id: "web", services: ["http"])])
    stage.settle()
    stage.refusedServices = ["web-0"]
    stage.commit(withoutRole: "web")
    stage.settle()
    #expect(stage.status?.roles.map(\.id) == ["worker"])
    #expect(stage.services == ["c"])
    #expect(stage.status?.state == .configured)
  }

  @Test("delays only the notifications of a new member that fails, not of others")
  func brokenNewcomer() {
    var stage = Stage([.init(id: "worker"), .init(id: "web")])
    stage.settle()
    stage.slowPods = ["worker-1"]
    stage.commit(members: 2, of: "worker")
    stage.settle()
    #expect(stage.status?.state == .updating)
    stage.commit(members: 2, of: "web")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        member web-1 node 4
        apply web web:1.0 at rest replicas 2
          web-1 runs web:1.0
        install web-1 fresh
        script web-1 --configure
        script worker-0 --addnodes --role web --fqdns c-web-1.c.default.svc.test --nodegroup 1
        script web-0 --addnodes --role web --fqdns c-web-1.c.default.svc.test --nodegroup 1
        """)
  }

  @Test("does not run --delnodes in a member that was not notified of the new member")
  func newcomerTakenBack() {
    var stage = Stage([.init(id: "worker")])
    stage.settle()
    stage.slowPods = ["worker-1", "worker-2"]
    stage.commit(members: 3, of: "worker")
    stage.settle()
    stage.commit(members: 2, of: "worker")
    stage.slowPods = ["worker-2"]
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        leave worker-2
        apply worker worker:1.0 at rest replicas 2
          worker-1 runs worker:1.0
        forget worker-2
        refresh worker-0
        install worker-1 fresh
        script worker-1 --configure
        script worker-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
  }

  /// A new member of which one member could not be notified.
  static func refused(added: Int = 1) -> Stage {
    var stage = Stage([.init(id: "worker")])
    stage.settle()
    stage.exitCodes["worker-0 addnodes"] = 4
    stage.commit(members: 1 + added, of: "worker")
    stage.settle()
    stage.exitCodes = [:]
    return stage
  }

  @Test(
    "runs --delnodes if the new member of a failed --addnodes is removed, which resolves the failure"
  )
  func refusedNewcomerTakenBack() {
    var stage = Self.refused()
    #expect(stage.member("worker-0")?.state == .configError)
    stage.commit(members: 1, of: "worker")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        leave worker-1
        stalled no more
        apply worker worker:1.0 at rest replicas 1
        forget worker-1
        script worker-0 --delnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.member("worker-0")?.detail.configError == nil)
    #expect(stage.violations == [])
  }

  @Test(
    "keeps --addnodes failed while another new member of it stays, and retries it for that one on request"
  )
  func refusedNewcomersTakenBackInPart() {
    var stage = Self.refused(added: 2)
    stage.commit(members: 2, of: "worker")
    stage.settle()
    #expect(stage.member("worker-0")?.state == .configError)
    stage.annotate(Wire.Annotation.retry, "c-worker-0 1")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        stalled no more
        script worker-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        script worker-0 --delnodes --role worker --fqdns c-worker-2.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("finishes a notification that an earlier daemon started, then notifies of the removal")
  func killedWhileToldOf() {
    var stage = Stage([.init(id: "worker")])
    stage.settle()
    stage.heldScripts = ["worker-0"]
    stage.commit(members: 2, of: "worker")
    stage.settle()
    stage.killDaemon()
    stage.commit(members: 1, of: "worker")
    stage.settle()
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        script worker-0 --delnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("does not notify a member without --delnodes of a new member that is removed before its setup")
  func newMemberRevertedBeforeNotification() {
    var stage = Stage([.init(id: "worker", events: ["configure", "addnodes"])])
    stage.settle()
    stage.slowPods = ["worker-1"]
    stage.commit(members: 2, of: "worker")
    stage.settle()
    stage.commit(members: 1, of: "worker")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        leave worker-1
        apply worker worker:1.0 at rest replicas 1
        forget worker-1
        refresh worker-0
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test(
    "updates configmeta.json if members change while a member is being set up")
  func resizeWhileInstalling() {
    var stage = Stage([.init(id: "worker")])
    stage.settle()
    stage.heldScripts = ["worker-1"]
    stage.commit(members: 2, of: "worker")
    stage.settle()
    stage.commit(members: 3, of: "worker")
    stage.settle()
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        install worker-1 fresh
        script worker-1 --configure
        script worker-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("does not retry a failed package installation because of a new member")
  func failsWhileResized() {
    var stage = Stage([.init(id: "worker")])
    stage.settle()
    stage.heldScripts = ["worker-1"]
    stage.exitCodes["worker-1 install"] = 22
    stage.commit(members: 2, of: "worker")
    stage.settle()
    stage.commit(members: 3, of: "worker")
    stage.settle()
    stage.heldScripts = []
    let transcript = stage.record { $0.settle() }
    #expect(!transcript.contains("install worker-1"))
    #expect(stage.member("worker-1")?.detail.failedStep == .install)
  }

  @Test("resizes a stalled creation, and notifies the members that are set up")
  func resizeOfStalledCreation() {
    var stage = Stage([.init(id: "worker"), .init(id: "web")])
    stage.exitCodes["web-0 configure"] = 3
    stage.settle()
    stage.exitCodes = [:]
    stage.commit(members: 3, of: "worker")
    let grown = stage.record { $0.settle() }
    #expect(
      grown.hasSuffix(
        "script worker-0 --addnodes --role worker "
          + "--fqdns c-worker-1.c.default.svc.test,c-worker-2.c.default.svc.test --nodegroup 1"))
    stage.commit(members: 2, of: "worker")
    let shrunk = stage.record { $0.settle() }
    #expect(
      shrunk == """
        leave worker-2
        apply worker worker:1.0 at rest replicas 2
        forget worker-2
        script worker-0 --delnodes --role worker --fqdns c-worker-2.c.default.svc.test --nodegroup 1
        script worker-1 --delnodes --role worker --fqdns c-worker-2.c.default.svc.test --nodegroup 1
        """)
    stage.annotate(Wire.Annotation.retry, "c-web-0 1")
    let repaired = stage.record { $0.settle() }
    #expect(
      repaired == """
        stalled no more
        script web-0 --configure
        script web-0 --addnodes --role worker --fqdns c-worker-1.c.default.svc.test --nodegroup 1
        refresh web-0
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("removes a leaving member completely, even if the spec asks for it again")
  func wantedBack() {
    var stage = Stage([.init(id: "worker", members: 2)])
    stage.settle()
    stage.commit(members: 1, of: "worker")
    _ = stage.daemonObserves()
    stage.commit(members: 2, of: "worker")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.members.map(\.nodeID) == [1, 3])
    #expect(stage.violations == [])
  }

  @Test("changes members only after a running upgrade")
  func resizeDuringUpgrade() {
    var stage = Up.workers()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-1")?.podUpgradeStatus == .upgrading }
    stage.commit(members: 3, of: "worker")
    stage.settle { $0.status?.upgradeInfo == nil }
    #expect(stage.status?.state == .updating)
    stage.settle()
    #expect(stage.status?.members.count == 3)
    #expect(stage.status?.observedGeneration == 3)
    #expect(stage.violations == [])
  }

  @Test("keeps the status far below the object size limit if hundreds of members are notified of hundreds")
  func growsByHundreds() throws {
    var stage = Stage([.init(id: "worker", members: 400), .init(id: "web", members: 100)])
    stage.isRecording = false
    stage.settle()
    stage.slowPods = ["web-100"]
    stage.commit(members: 600, of: "web")
    stage.settle { $0.status?.role("web")?.members.count == 600 }
    let status = try #require(stage.status)
    let pending = status.members.filter { !$0.detail.pendingNotifications.isEmpty }
    #expect(pending.count == 500)
    #expect(status.json.text().utf8.count < 600 << 10)
    let words = pending.first?.detail.pendingNotifications.first?
      .words(cluster: stage.cluster.metadata, clusterDomain: "test")
    #expect(words?[3].split(separator: ",").count == 500)
    #expect(words?[3].hasSuffix("c-web-599.c.default.svc.test") == true)
  }

  @Test("restores a StatefulSet that was scaled or deleted")
  func drift() {
    var stage = Up.workers()
    stage.sets["worker"]?.replicas = 5
    stage.sets["worker"]?.version = 10_000
    stage.annotate("touched", "1")
    stage.settle()
    #expect(stage.sets["worker"]?.replicas == 2)
    stage.sets = [:]
    stage.annotate("touched", "2")
    stage.settle()
    #expect(stage.sets["worker"]?.replicas == 2)
    #expect(stage.status?.state == .configured)
  }

  typealias Up = UpgradingTests
}
