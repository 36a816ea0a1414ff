import KubeDirector
import Testing
import Upgrade

/// After a live upgrade by KubeDirector's operator, all pods have the update revision, and the current one is that of
/// the old image.
@Suite("A StatefulSet with OnDelete that is adopted after a live upgrade")
struct AdoptedSetTests {
  private static var adopted: Stage {
    var stage = Stage([.init(id: "worker", members: 3)])
    stage.settle()
    stage.status?.adopted = AdoptedCluster(headlessService: "kdhs-2b7qd", app: "app-1.0")
    let version = stage.fresh()
    stage.sets["worker"]?.strategy = .onDelete
    stage.sets["worker"]?.currentRevision = StageSet.revision(of: "worker:0.9")
    stage.sets["worker"]?.version = version
    return stage
  }

  private static func expectAtRest(_ stage: Stage, _ comment: Comment) {
    let set = stage.sets["worker"]
    #expect(set?.strategy == .atRest && set?.currentRevision == set?.updateRevision, comment)
    #expect(stage.pods.values.allSatisfy { $0.image == "worker:1.0" } && stage.pods.count == 3, comment)
    #expect(stage.violations == [], comment)
  }

  @Test(
    "gets the partition above every ordinal only when its current revision has caught up, without a restart"
  )
  func caughtUp() {
    var stage = Self.adopted
    let before = stage.pods.mapValues(\.uid)
    let transcript = stage.record { $0.settle() }
    let writes = transcript.split(separator: "\n").filter { $0.contains("apply worker") }
    #expect(writes.count == 2, "\(transcript)")
    #expect(writes.first?.contains("partition 0") == true && writes.last?.contains("at rest") == true)
    Self.expectAtRest(stage, "")
    #expect(stage.pods.mapValues(\.uid) == before)
  }

  @Test("is handled to the same end by a daemon that is killed after any write")
  func killed() {
    var clean = Self.adopted
    let count = clean.writesUntilRest()
    for writes in 0...count {
      var stage = Self.adopted
      stage.daemon.life = writes
      stage.settle()
      Self.expectAtRest(stage, "killed after \(writes) writes")
    }
  }

  @Test("creates a pod that dies after the adoption from the new image")
  func dead() {
    var stage = Self.adopted
    stage.terminate("c-worker-0")
    stage.settle()
    Self.expectAtRest(stage, "")
  }

  @Test("stays at rest if a pod has another revision, because a lower partition would replace it")
  func otherRevision() {
    var stage = Self.adopted
    stage.pods["c-worker-1"]?.revision = StageSet.revision(of: "worker:0.9")
    let before = stage.pods.mapValues(\.uid)
    stage.settle()
    #expect(stage.sets["worker"]?.strategy == .atRest && stage.pods.mapValues(\.uid) == before)
  }
}
