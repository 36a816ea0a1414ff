import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

/// Transcripts of a pod's lifecycle: events and times as input, states as output.
@Suite("A pod on the node")
struct PodMachineTests {
  private struct Life {
    var machine: PodMachine
    var now = Duration.seconds(1000)
    var catalog: ImageCatalog
    private var nextID = 0

    init(_ pod: JSON, images: [ImageCatalog.Entry], status: JSON? = nil) {
      let object = Object(.pods, namespace: "default", name: "web-0", content: ["spec": pod])
      let spec = PodSpec(object)
      machine = status.map { PodMachine(spec, resuming: $0) } ?? PodMachine(spec)
      catalog = ImageCatalog(images)
    }

    mutating func handle(_ event: PodMachine.Event) -> [PodMachine.Effect] {
      var id = nextID
      let context = PodMachine.Context(now: now, catalog: catalog) {
        id += 1
        return "c\(id)"
      }
      defer { nextID = id }
      return machine.handle(event, context)
    }

    /// Advances to the machine's own deadline, and returns how long that was.
    mutating func due() -> Int? {
      guard let deadline = machine.deadline else { return nil }
      let wait = deadline - now
      now = deadline
      _ = handle(.due)
      return wait.wholeSeconds
    }

    /// The phase, then of each container its waiting reason or its state.
    var state: String {
      var machine = machine
      let status = machine.status(at: now)
      let containers =
        (status["initContainerStatuses"]?.array ?? []) + (status["containerStatuses"]?.array ?? [])
      let states = containers.map { container in
        let state = container["state"]
        return state?["waiting"]?["reason"]?.string ?? (state?["running"] != nil ? "running" : "ended")
      }
      return ([status["phase"]?.string ?? ""] + states).joined(separator: " ")
    }
  }

  private static let plain: JSON = ["containers": [["name": "app", "image": "shop/app:1"]]]
  private static let admitted = PodMachine.Event.admitted(ip: "10.244.0.1")

  @Test("runs at once and creates nothing on disk without delays")
  func plainPod() {
    var life = Life(Self.plain, images: [.init(image: "*")])
    #expect(life.handle(Self.admitted) == [])
    #expect(life.state == "Running running")
    #expect(life.machine.deadline == nil)
  }

  @Test("takes time for pulling and starting")
  func delays() {
    var life = Life(Self.plain, images: [.init(image: "*", pull: .seconds(3), start: .seconds(2))])
    _ = life.handle(Self.admitted)
    #expect(life.state == "Pending ContainerCreating")
    #expect(life.due() == 3)
    #expect(life.state == "Pending ContainerCreating")
    #expect(life.due() == 2)
    #expect(life.state == "Running running")
  }

  @Test("reports ErrImagePull, then ImagePullBackOff for an unknown image; pauses double from 10 s to 5 min")
  func unknownImage() {
    var life = Life(Self.plain, images: [])
    _ = life.handle(Self.admitted)
    var waits: [Int] = []
    for _ in 0..<7 {
      #expect(life.state == "Pending ErrImagePull")
      let shown = life.due() ?? 0
      #expect(life.state == "Pending ImagePullBackOff")
      waits.append(shown + (life.due() ?? 0))
    }
    #expect(waits == [10, 20, 40, 80, 160, 300, 300])
    let message = life.machine.status(at: life.now)["containerStatuses"]?[0]?["state"]?["waiting"]?[
      "message"]?.string
    #expect(message == "shop/app:1: not found in the catalog (.kdops.yaml embedded.images)")
    life.catalog = ImageCatalog([.init(image: "shop/*")])
    _ = life.due()
    _ = life.due()
    #expect(life.state == "Running running")
  }

  @Test("reports InvalidImageName permanently for an invalid image reference")
  func invalidName() {
    var life = Life(["containers": [["name": "app", "image": "Not An Image"]]], images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    #expect(life.state == "Pending InvalidImageName")
    #expect(life.machine.deadline == nil)
  }

  @Test(
    "reports CrashLoopBackOff with growing pauses, exit code and restart count if a container crashes"
  )
  func crashing() {
    var life = Life(Self.plain, images: [.init(image: "*", crash: true)])
    _ = life.handle(Self.admitted)
    #expect(life.state == "Running CrashLoopBackOff")
    #expect([life.due(), life.due(), life.due()] == [10, 20, 40])
    let container = life.machine.status(at: life.now)["containerStatuses"]?[0]
    #expect(container?["restartCount"]?.integer == 3)
    #expect(container?["lastState"]?["terminated"]?["exitCode"]?.integer == 1)
    #expect(container?["ready"]?.bool == false)
  }

  private static let seeded: JSON = [
    "initContainers": [
      [
        "name": "seed", "image": "shop/app:1", "command": ["sh"], "args": ["-c", "true"],
        "volumeMounts": [["name": "p", "mountPath": "/seed"]],
      ]
    ],
    "containers": [
      ["name": "app", "image": "shop/app:1", "volumeMounts": [["name": "p", "mountPath": "/data"]]]
    ],
    "volumes": [["name": "p", "persistentVolumeClaim": ["claimName": "p-web-0"]]],
  ]

  @Test("runs init containers one after another before the others")
  func initContainers() {
    var life = Life(Self.seeded, images: [.init(image: "*")])
    #expect(life.handle(Self.admitted) == [.prepare(container: 0, containerID: "c1")])
    #expect(life.state == "Pending ContainerCreating PodInitializing")
    #expect(
      life.handle(.prepared(containerID: "c1", failure: nil)) == [.runInit(container: 0, containerID: "c1")])
    #expect(life.state == "Pending running PodInitializing")
    #expect(
      life.handle(.initEnded(containerID: "c1", exitCode: 0)) == [
        .end(containerIDs: ["c1"]), .prepare(container: 1, containerID: "c2"),
      ])
    #expect(life.state == "Pending ended ContainerCreating")
    #expect(life.handle(.prepared(containerID: "c2", failure: nil)) == [])
    #expect(life.state == "Running ended running")
  }

  @Test("retries a failed init container after a pause")
  func failingInit() {
    var life = Life(Self.seeded, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    _ = life.handle(.prepared(containerID: "c1", failure: nil))
    _ = life.handle(.initEnded(containerID: "c1", exitCode: 2))
    #expect(life.state == "Pending CrashLoopBackOff PodInitializing")
    #expect(life.due() == 10)
    #expect(life.machine.stage == .preparing(0))
    #expect(life.machine.containers[0].restarts == 1)
  }

  @Test("retries silently if an init container cannot be started, and fails only after that")
  func initNotStarted() {
    var life = Life(Self.seeded, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    var waits: [Int] = []
    for _ in 0..<5 {
      _ = life.handle(.prepared(containerID: life.machine.containers[0].containerID ?? "", failure: nil))
      _ = life.handle(.initNotStarted(containerID: life.machine.containers[0].containerID ?? ""))
      #expect(life.state.hasPrefix("Pending ContainerCreating"))
      waits.append(life.due() ?? 0)
    }
    #expect(waits == [1, 2, 4, 8, 16])
    #expect(life.machine.containers[0].restarts == 0)
    _ = life.handle(.prepared(containerID: life.machine.containers[0].containerID ?? "", failure: nil))
    _ = life.handle(.initNotStarted(containerID: life.machine.containers[0].containerID ?? ""))
    #expect(life.state.hasPrefix("Pending CrashLoopBackOff"))
    #expect(life.machine.containers[0].last?.exitCode == 128)
  }

  @Test("reports an init container whose image cannot be pulled, and the other containers wait")
  func initImage() {
    var life = Life(Self.seeded, images: [])
    _ = life.handle(Self.admitted)
    #expect(life.state == "Pending ErrImagePull PodInitializing")
  }

  @Test("reports CreateContainerError and retries if a folder cannot be created")
  func unpreparable() {
    var life = Life(Self.seeded, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    _ = life.handle(.prepared(containerID: "c1", failure: "disk full"))
    #expect(life.state == "Pending CreateContainerError PodInitializing")
    #expect([life.due(), life.due()] == [2, 8])
    #expect(life.machine.stage == .preparing(0))
  }

  @Test("ignores events of a replaced container")
  func staleEvents() {
    var life = Life(Self.seeded, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    let before = life.machine.stage
    #expect(life.handle(.prepared(containerID: "c9", failure: nil)) == [])
    #expect(life.handle(.initEnded(containerID: "c1", exitCode: 0)) == [])
    #expect(life.handle(.killed) == [])
    #expect(life.machine.stage == before)
  }

  @Test("recreates a failed container with a new id, and counts the restart")
  func killed() {
    var life = Life(Self.seeded, images: [.init(image: "*", start: .seconds(1))])
    _ = life.handle(Self.admitted)
    _ = life.handle(.prepared(containerID: "c1", failure: nil))
    _ = life.handle(.initEnded(containerID: "c1", exitCode: 0))
    _ = life.handle(.prepared(containerID: "c2", failure: nil))
    _ = life.due()
    #expect(life.state == "Running ended running")
    #expect(
      life.handle(.killed) == [.end(containerIDs: ["c2"]), .prepare(container: 1, containerID: "c3")])
    #expect(life.state == "Running ended ContainerCreating")
    _ = life.handle(.prepared(containerID: "c3", failure: nil))
    _ = life.due()
    let container = life.machine.status(at: life.now)["containerStatuses"]?[0]
    #expect(container?["containerID"]?.string == "embedded://c3")
    #expect(container?["restartCount"]?.integer == 1)
    #expect(container?["lastState"]?["terminated"]?["containerID"]?.string == "embedded://c2")
  }

  @Test("is torn down once when it is deleted")
  func deleted() {
    var life = Life(Self.plain, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    #expect(life.handle(.deleted) == [.tearDown(containerIDs: ["c1"])])
    #expect(life.handle(.deleted) == [])
    #expect(life.handle(.killed) == [])
  }

  @Test("is Unschedulable until there is space")
  func unschedulable() {
    var life = Life(Self.plain, images: [.init(image: "*")])
    _ = life.handle(.refused(message: "0/1 nodes are available: 1 Insufficient cpu."))
    let status = life.machine.status(at: life.now)
    let condition = status["conditions"]?[0]
    #expect(status["phase"]?.string == "Pending")
    #expect(condition?["type"]?.string == "PodScheduled")
    #expect(condition?["reason"]?.string == "Unschedulable")
    #expect(condition?["message"]?.string == "0/1 nodes are available: 1 Insufficient cpu.")
    _ = life.handle(Self.admitted)
    #expect(life.state == "Running running")
  }

  // MARK: The node's own restart

  /// The transcript of a pod whose node was killed in this state.
  private func resumed(_ life: Life, _ pod: JSON) -> Life {
    var life = life
    var again = Life(pod, images: life.catalog.entries, status: life.machine.status(at: life.now))
    again.now = life.now
    return again
  }

  @Test("keeps running in the same container after a restart of the node")
  func resumeRunning() {
    var life = Life(Self.plain, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    let again = resumed(life, Self.plain)
    #expect(again.machine.stage == .running)
    #expect(again.state == "Running running")
    #expect(again.machine.containerIDs == ["c1"])
  }

  @Test("pulls again after a restart of the node during a pull")
  func resumePulling() {
    var life = Life(Self.plain, images: [.init(image: "*", pull: .seconds(3))])
    _ = life.handle(Self.admitted)
    var again = resumed(life, Self.plain)
    #expect(again.handle(Self.admitted) == [])
    #expect(again.due() == 3)
    #expect(again.state == "Running running")
  }

  @Test("runs an interrupted init container again after a restart of the node, but not a completed one")
  func resumeInit() {
    var life = Life(Self.seeded, images: [.init(image: "*")])
    _ = life.handle(Self.admitted)
    _ = life.handle(.prepared(containerID: "c1", failure: nil))
    var again = resumed(life, Self.seeded)
    #expect(
      again.handle(Self.admitted) == [.end(containerIDs: ["c1"]), .prepare(container: 0, containerID: "c1")])
    _ = life.handle(.initEnded(containerID: "c1", exitCode: 0))
    var later = resumed(life, Self.seeded)
    #expect(later.handle(Self.admitted).last == .prepare(container: 1, containerID: "c1"))
    #expect(later.state == "Pending ended ContainerCreating")
  }

  @Test("keeps the backoff and restart count of a crashing container after a restart of the node")
  func resumeCrashing() {
    var life = Life(Self.plain, images: [.init(image: "*", crash: true)])
    _ = life.handle(Self.admitted)
    _ = life.due()
    var again = resumed(life, Self.plain)
    _ = again.handle(Self.admitted)
    #expect(again.state == "Running CrashLoopBackOff")
    #expect(again.due() == 20)
    #expect(again.machine.containers[0].restarts == 2)
  }

  @Test("keeps the time of the last change in its conditions")
  func transitionTimes() {
    var life = Life(Self.plain, images: [.init(image: "*", pull: .seconds(30))])
    _ = life.handle(Self.admitted)
    let pending = life.machine.status(at: life.now)
    _ = life.due()
    let running = life.machine.status(at: life.now)
    func time(_ status: JSON, _ type: String) -> String? {
      status["conditions"]?.array?.first { $0["type"]?.string == type }?["lastTransitionTime"]?.string
    }
    #expect(time(running, "PodScheduled") == time(pending, "PodScheduled"))
    #expect(time(running, "Ready") == Timestamp.text(1030))
    #expect(time(pending, "Ready") == Timestamp.text(1000))
  }
}
