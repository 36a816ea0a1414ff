import ClusterAPI
import Foundation
import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("Pruning a cluster whose file is deleted", needsBubblewrap)
struct PruneScenarios {
  private static let pruning = ["KDOPS_PRUNE": "true"]

  /// When the file returns.
  enum Return: String, CaseIterable, CustomTestStringConvertible {
    case late = "when all is gone"
    case soon = "at once"
    var testDescription: String { rawValue }
  }

  private static func claims(_ scene: Scene) async throws -> [String: String] {
    let claims = try await scene.list(.volumeClaims, .everything)
    return Dictionary(uniqueKeysWithValues: claims.map { ($0.name, $0.uid) })
  }

  @Test(
    "everything except volumes is deleted after confirmation; after a revert the members find their volumes again",
    arguments: Backend.available, Return.allCases)
  func prunedAndBack(_ backend: Backend, _ return: Return) async throws {
    try await scenario(Fixture(backend, workers: 2), start: false, prunes: true) { scene in
      try await scene.start(environment: Self.pruning)
      let first = try await scene.configured("1.0.0")
      let claims = try await Self.claims(scene)
      #expect(claims.keys.sorted() == ["p-shop-worker-0", "p-shop-worker-1"])
      for pod in ["shop-worker-0", "shop-worker-1"] {
        let marker = try await scene.site.volume(of: scene.name(pod)) + "/data/marker"
        try Data("\(pod) was here\n".utf8).write(to: URL(fileURLWithPath: marker))
      }
      let before = try await (scene.pods(), scene.cluster()?.uid)

      let commit = try scene.forge.push(
        [Fixture.clusterPath("shop"): nil, Fixture.appPath("1.0.0"): nil], "Close the shop")
      let held = try await scene.note(commit, phase: "waiting")
      #expect(held.object("shop")?.rules == ["object/prune"])
      #expect(held.object("shop")?.message?.contains("kdops sync --accept \(commit.prefix(7))") == true)
      try await staying(for: .seconds(1), "pods as they were") { try await scene.pods() == before.0 }
      try await scene.sync(accepting: commit)
      try await scene.eventually("end of the cluster") { try await scene.cluster() == nil ? true : nil }
      if `return` == .late {
        let gone = try await scene.note(commit, phase: "done")
        #expect(gone.object("shop")?.change == .delete)
        #expect(gone.sentence.contains("(deleted)"))
        #expect(try await scene.app("1.0.0") == nil)
        try await scene.eventually("end of all that it had") {
          let names = try await scene.names(.pods) + scene.names(.statefulSets) + scene.names(.services)
          return names.isEmpty ? true : nil
        }
        #expect(try await Self.claims(scene) == claims)
        try await scene.eventually("status tree without it") {
          scene.forge.statusFiles().isEmpty ? true : nil
        }
      }

      let revert = try scene.forge.revert(commit)
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .create)
      let second = try await scene.configured("1.0.0")
      #expect(second.members.map(\.pod) == first.members.map(\.pod))
      #expect(try await scene.cluster()?.uid != before.1)
      #expect(try await Self.claims(scene) == claims)
      let after = try await scene.pods()
      #expect(after.keys.sorted() == before.0.keys.sorted())
      for (pod, sight) in after { #expect(sight.uid != before.0[pod]?.uid && sight.isReady, "\(pod)") }
      for pod in ["shop-worker-0", "shop-worker-1"] {
        #expect(
          try await scene.site.file("/data/marker", in: scene.name(pod)) == "\(pod) was here\n", "\(pod)")
        #expect(try await scene.events(pod) == ["configure 1.0", "configure 1.0"], "\(pod)")
      }
      try await scene.mustHaveRunOnce(after.keys)
    }
  }

  @Test(
    "if its file requested it, volumes are deleted too, and a cluster of that name starts with new ones",
    arguments: Backend.available)
  func volumesToo(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 2)
    try await scenario(fixture, start: false, prunes: true) { scene in
      try await scene.start(environment: Self.pruning)
      try await scene.configured("1.0.0")
      let claims = try await Self.claims(scene)
      let marker = try await scene.site.volume(of: scene.name("shop-worker-0")) + "/data/marker"
      try Data("was here\n".utf8).write(to: URL(fileURLWithPath: marker))
      // A member that was removed earlier still has its volume.
      let fewer = fixture.cluster(
        app: "1.0.0", workers: 1, annotations: ["kdops.dev/delete-volumes": "true"])
      let ask = try scene.forge.push([Fixture.clusterPath("shop"): fewer], "Close the shop soon")
      try await scene.note(ask, phase: "done")
      #expect(try await Self.claims(scene) == claims)

      let commit = try scene.forge.push([Fixture.clusterPath("shop"): nil], "Close the shop")
      try await scene.note(commit, phase: "waiting")
      try await scene.sync(accepting: commit)
      try await scene.note(commit, phase: "done")
      try await scene.eventually("end of its volumes") {
        try await Self.claims(scene).isEmpty ? true : nil
      }
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(try await Self.claims(scene).keys.sorted() == ["p-shop-worker-0"])
      #expect(try await scene.site.file("/data/marker", in: scene.name("shop-worker-0")) == nil)
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }

  @Test("pruning during an upgrade waits for its end; the other cluster stays unchanged")
  func duringUpgrade() async throws {
    let fixture = Fixture(.embedded, workers: 2, .init(version: "1.1", hook: "1.5"))
    var files = fixture.shop()
    files[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.0.0", workers: 1, front: nil)
    try await scenario(fixture, files, start: false) { scene in
      try await scene.start(environment: Self.pruning)
      try await scene.configured("1.0.0")
      try await scene.configured("1.0.0", "depot")
      let depot = try await scene.pods("depot")
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("script that runs") {
        try await scene.runs("shop-worker-1").contains { $0.event == "pod_upgraded" } ? true : nil
      }
      let removal = try scene.forge.push([Fixture.clusterPath("shop"): nil], "Close the shop")
      let waiting = try await scene.note(removal, phase: "waiting")
      #expect(waiting.object("shop")?.rules == ["cluster/busy"])
      let note = try await scene.note(removal, phase: "done")
      #expect(note.object("shop")?.change == .delete)
      #expect(try await scene.cluster() == nil)
      #expect(scene.forge.note(commit)?.object("shop")?.phase == .done)
      try await scene.eventually("end of its pods") { try await scene.pods().isEmpty ? true : nil }
      let record = try await scene.events("shop-worker-0")
      #expect(record == ["configure 1.0", "pod_upgraded 1.1"])
      #expect(try await scene.pods("depot") == depot)
    }
  }
}
