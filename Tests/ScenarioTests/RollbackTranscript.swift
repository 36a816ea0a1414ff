import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("The transcript of a rollback", needsBubblewrap)
struct RollbackTranscript {
  private static let pods = [
    "shop-front-0", "shop-front-1", "shop-worker-0", "shop-worker-1", "shop-worker-2", "shop-gateway-0",
  ]

  @Test(
    "one role done, the next stuck on its second pod, the third untouched: only touched pods move, the stuck pod first",
    arguments: Backend.available)
  func stuckOnTheSecond(_ backend: Backend) async throws {
    let fixture = Fixture(backend, .init(version: "1.1", failsUpgraded: 7, failsIn: "shop-worker-1"))
    let order = "front, worker, gateway"
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(app: "1.0.0", front: 2, order: order)
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      // All three roles have another image in the new version.
      let commit = try scene.forge.push(
        [
          Fixture.appPath("1.1.0"): fixture.app("1.1.0", gateway: fixture.image("1.1.0")),
          Fixture.clusterPath("shop"): fixture.cluster(app: "1.1.0", front: 2, order: order),
        ], "Upgrade shop")
      try await scene.note(commit, phase: "failed")
      let revert = try scene.forge.revert(commit)
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .rollback)
      let status = try await scene.configured("1.0.0")
      try await scene.mustHaveRunOnce(Self.pods)

      let log = LogTranscript(
        scene.log(), of: scene.name("shop"), words: [String(commit.prefix(7)): "of the upgrade"])
      let after = try await scene.pods()
      var lines = log.lines
      lines += status.journal.runs.map { run in
        "journal: \(run.isRollback ? "rollback" : "upgrade") of \(run.pods.map(\.pod).joined(separator: " "))"
      }
      for pod in Self.pods {
        #expect(before[pod]?.image == after[pod]?.image, "\(pod)")
        lines.append("\(pod) is \(before[pod]?.uid == after[pod]?.uid ? "the same pod" : "another pod")")
      }
      // Only these have a volume, which records the events of earlier containers.
      for pod in Self.pods where pod.contains("worker") {
        lines.append("\(pod) received \(try await scene.events(pod).joined(separator: ", "))")
      }
      let text = lines.joined(separator: "\n") + "\n"
      #expect(try text == Golden.stored("rollback.txt", recording: text), "\(text)")
    }
  }
}
