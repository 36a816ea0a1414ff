import KubeDirector
import Testing

@Suite("Creating a cluster")
struct CreationTests {
  @Test("writes members to the status first, then creates StatefulSets, packages and runs --configure")
  func create() {
    var stage = Stage([.init(id: "controller"), .init(id: "worker", members: 2)])
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        member controller-0 node 1
        member worker-0 node 2
        member worker-1 node 3
        state creating
        apply controller controller:1.0 at rest replicas 1
        apply worker worker:1.0 at rest replicas 2
          controller-0 runs controller:1.0
          worker-0 runs worker:1.0
          worker-1 runs worker:1.0
        install controller-0 fresh
        install worker-0 fresh
        install worker-1 fresh
        script controller-0 --configure
        script worker-0 --configure
        script worker-1 --configure
        state configured
        """)
    #expect(stage.violations == [])
  }

  @Test("sets up a role without a package once it is ready, and sends no event that is not listed")
  func withoutScripts() {
    var stage = Stage([
      .init(id: "plain", hasPackage: false), .init(id: "silent", events: []), .init(id: "none", members: 0),
    ])
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        member plain-0 node 1
        member silent-0 node 2
        state creating
        apply plain plain:1.0 at rest replicas 1
        apply silent silent:1.0 at rest replicas 1
        apply none none:1.0 at rest replicas 0
          plain-0 runs plain:1.0
          silent-0 runs silent:1.0
        install silent-0 fresh
        state configured
        """)
    #expect(stage.status?.state == .configured)
  }

  @Test("creates a service for each member of a role with services, and recreates a removed one")
  func services() {
    var stage = Stage([.init(id: "web", members: 2, services: ["http"])])
    stage.settle()
    #expect(stage.services == ["c", "c-web-0", "c-web-1"])
    #expect(stage.member("web-0")?.service == "c-web-0")
    stage.services.remove("c-web-1")
    stage.annotate("touched", "yes")
    #expect(stage.record { $0.settle() } == "service web-1")
  }

  @Test("creates a service after a restart if the daemon was killed before creating it")
  func serviceAfterCrash() {
    for writes in 0..<8 {
      var stage = Stage([.init(id: "web", services: ["http"])])
      stage.daemon.life = writes
      stage.settle()
      #expect(stage.services == ["c", "c-web-0"], "killed after \(writes) writes")
    }
  }

  @Test("starts nothing from a spec without a valid stamp")
  func unstamped() {
    var stage = Stage([.init(id: "web")])
    stage.isStamped = false
    #expect(stage.decision() == nil)
  }

  @Test("leaves a cluster alone that is being deleted")
  func deleted() {
    var stage = Stage([.init(id: "web")])
    stage.settle()
    stage.cluster.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"
    #expect(stage.decision() == nil)
  }

  @Test("stalls a cluster whose app is missing, and continues once the app exists")
  func missingApp() {
    var stage = Stage([.init(id: "web")])
    let apps = stage.apps
    stage.apps = [:]
    let before = stage.record { $0.settle() }
    #expect(
      before == """
        state creating
        stalled AppMissing: app app-1.0 is not in the cluster; restore its file
        """)
    stage.apps = apps
    stage.annotate("touched", "yes")
    stage.settle()
    #expect(stage.status?.state == .configured)
  }

  @Test("lets a wrong app name be corrected before anything is created")
  func renamedBeforeAnythingWasMade() {
    var stage = Stage([.init(id: "web")])
    stage.cluster.spec.app = "app-9"
    stage.settle()
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.status?.state == .configured)
  }

  @Test("stalls if --configure fails, without another run in the same container")
  func configureFails() {
    var stage = Stage([.init(id: "web", members: 2)])
    stage.exitCodes["web-1 configure"] = 3
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
        member web-0 node 1
        member web-1 node 2
        state creating
        apply web web:1.0 at rest replicas 2
          web-0 runs web:1.0
          web-1 runs web:1.0
        install web-0 fresh
        install web-1 fresh
        script web-0 --configure
        script web-1 --configure
        error web-1: startscript --configure ended with exit code 3
        stalled ConfigError: web-1: startscript --configure ended with exit code 3; fix the cause, then kdops retry default/c/web-1; or delete the pod, for a new container
        """)
    #expect(stage.status?.state == .creating)
    #expect(stage.member("web-1")?.detail.lastStderr == "no")
    #expect(stage.containers.values.allSatisfy { $0.starts.values.allSatisfy { $0 == 1 } })
  }

  @Test("stalls if a package cannot be installed, and starts again in a new container")
  func installFails() {
    var stage = Stage([.init(id: "web")])
    stage.exitCodes["web-0 install"] = 22
    stage.settle()
    #expect(
      stage.status?.condition(.stalled)?.message
        == "c-web-0: config package could not be installed (exit 22); "
        + "fix the cause, then kdops retry default/c/c-web-0; or delete the pod, for a new container"
    )
    stage.exitCodes = [:]
    stage.crash("c-web-0")
    let transcript = stage.record { $0.settle() }
    #expect(
      transcript == """
          web-0 runs web:1.0
        install web-0 fresh
        stalled no more
        script web-0 --configure
        state configured
        """)
  }
}
