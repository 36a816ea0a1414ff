import ClusterAPI
import KubeDirector
import Logging
import Testing
import Values

@testable import EmbeddedCluster

/// Transcripts: writes to the store, and what the controllers have done after a turn.
@Suite("The controllers of a cluster")
struct ControllersTests {
  /// A store in memory, the controllers and a node.
  private struct Scene {
    let store = ObjectStore(objects: [], version: 0) { .seconds(1_700_000_000) }
    var controllers = Controllers()
    /// The image has a root, so that pods have folders.
    var node = Node(
      catalog: ImageCatalog([.init(image: "*", rootfs: Files([:]))]), capacity: NodeCapacity())

    /// Takes turns until there is nothing left to do, and commits.
    /// - Returns: the work on the folders of pods, as words.
    @discardableResult
    mutating func settle() -> [String] {
      let now = Duration.seconds(1_700_000_000)
      var jobs: [NodeJob] = []
      repeat {
        jobs += controllers.turn(
          &node, in: store, now: now, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      } while controllers.hasWork || node.nextDeadline.map { $0 <= now } == true
      commit()
      return jobs.flatMap { job in
        job.steps.map { step in
          switch step {
          case .prepare: "prepare \(job.spec.name.name)"
          case .runInit: "run \(job.spec.name.name)"
          case .end: "end \(job.spec.name.name)"
          case .tearDown: "tear down \(job.spec.name.name)"
          }
        }
      }
    }

    mutating func commit() {
      controllers.addChanges(of: store)
      _ = store.committed()
      controllers.changesEnded()
    }

    func names(_ resource: Resource) -> [String] {
      store.list(resource.kind, namespace: nil, labels: .everything).map(\.name)
    }

    /// Creates a set whose pods have a claim.
    func createSet(_ name: String, replicas: Int) throws {
      let claim: JSON = ["metadata": ["name": "data"], "spec": [:]]
      _ = try store.create(
        ClusterFixture.set(name, replicas: replicas, spec: ["volumeClaimTemplates": [claim]]))
    }
  }

  @Test("create the pods and claims of a new set, and start work on their folders")
  func newSet() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 2)
    let jobs = scene.settle()
    #expect(scene.names(.pods) == ["web-0", "web-1"])
    #expect(scene.names(.volumeClaims) == ["data-web-0", "data-web-1"])
    #expect(jobs == ["prepare web-0", "prepare web-1"])
    #expect(!scene.controllers.hasWork)
    #expect(scene.settle() == [])
  }

  @Test("do nothing before a turn, and begin with all objects after a start")
  func start() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 1)
    _ = scene.store.committed()
    #expect(!scene.controllers.hasWork)
    scene.controllers.addAll(of: scene.store)
    scene.settle()
    #expect(scene.names(.pods) == ["web-0"])
  }

  @Test("end a turn after a number of steps, and continue with the next")
  func steps() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 3)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    for _ in 0..<2 {
      _ = scene.controllers.turn(
        &scene.node, in: scene.store, now: .zero, logger: logger, steps: 1)
    }
    #expect(scene.controllers.hasWork)
    scene.settle()
    #expect(scene.names(.pods).count == 3)
  }

  @Test("delete the pods and revisions of a deleted set")
  func garbage() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 1)
    scene.settle()
    #expect(scene.names(.controllerRevisions).count == 1)
    try scene.store.delete(Resource.statefulSets.kind, ClusterFixture.name("web"), .none)
    // The node has begun to prepare the pod's folders, and has to remove them first.
    scene.settle()
    let pod = try #require(scene.store.object(Resource.pods.kind, ClusterFixture.name("web-0")))
    #expect(pod.isBeingDeleted)
    #expect(scene.names(.controllerRevisions) == [])
  }

  @Test("remove the volume of a deleted claim when no pod uses it any more")
  func claims() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 1)
    scene.settle()
    try scene.store.delete(Resource.volumeClaims.kind, ClusterFixture.name("data-web-0"), .none)
    scene.commit()
    #expect(scene.controllers.takeUnusedClaims(in: scene.store) == [])
    let pod = try scene.store.existing(Resource.pods.kind, ClusterFixture.name("web-0"))
    _ = scene.node.removed(pod.uid, in: scene.store, now: .zero)
    scene.commit()
    #expect(scene.controllers.takeUnusedClaims(in: scene.store) == [ClusterFixture.name("data-web-0")])
    #expect(scene.controllers.takeUnusedClaims(in: scene.store) == [], "each claim once")
  }

  @Test("create a pod again after the claim that it waited for is gone")
  func waitingForClaim() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 1)
    scene.settle()
    try scene.store.delete(Resource.volumeClaims.kind, ClusterFixture.name("data-web-0"), .none)
    let pod = try scene.store.existing(Resource.pods.kind, ClusterFixture.name("web-0"))
    _ = scene.node.removed(pod.uid, in: scene.store, now: .zero)
    scene.settle()
    #expect(scene.names(.pods) == [], "the claim is being deleted")
    scene.store.remove(
      try scene.store.existing(Resource.volumeClaims.kind, ClusterFixture.name("data-web-0")))
    scene.settle()
    #expect(scene.names(.pods) == ["web-0"])
    #expect(scene.names(.volumeClaims) == ["data-web-0"])
  }

  @Test("ignore a set whose status alone has changed")
  func status() throws {
    var scene = Scene()
    try scene.createSet("web", replicas: 1)
    scene.settle()
    let set = try scene.store.existing(Resource.statefulSets.kind, ClusterFixture.name("web"))
    scene.store.setStatus(set, ["replicas": 7])
    scene.controllers.addChanges(of: scene.store)
    #expect(!scene.controllers.hasWork)
  }
}
