import KubeDirector
import Testing

@Suite("Removing and adding members with volumes", needsBubblewrap)
struct ResizeScenarios {
  /// The lasting properties of a member: names never change, ids show which objects were created again.
  private struct Identity: Equatable {
    var pod: String?
    var claim: String?
    var node: Int?
  }

  private static func identities(_ scene: Scene) async throws -> [Identity] {
    let pods = try await scene.pods()
    let claims = try await scene.list(.volumeClaims, .everything)
    let members = try await scene.status()?.role("worker")?.members ?? []
    return workers.map { worker in
      Identity(
        pod: pods[worker]?.uid, claim: claims.first { $0.name == "p-\(worker)" }?.uid,
        node: members.first { $0.pod == worker }?.nodeID)
    }
  }

  private static let workers = ["shop-worker-0", "shop-worker-1", "shop-worker-2"]

  @Test(
    "from 3 members to 1 and back, the first keeps its pod; the others get their volumes back and are configured again",
    arguments: Backend.available)
  func shrinkAndGrow(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 3)
    try await scenario(fixture, fixture.shop()) { scene in
      try await scene.configured("1.0.0")
      let before = try await Self.identities(scene)
      #expect(before.allSatisfy { $0.pod != nil && $0.claim != nil && $0.node != nil })

      try await scene.note(try scene.forge.push(fixture.resize(1), "Remove two workers"), phase: "done")
      #expect(
        try await Self.identities(scene)
          == [before[0]] + before.dropFirst().map { Identity(claim: $0.claim) })

      try await scene.note(try scene.forge.push(fixture.resize(3), "Add two workers"), phase: "done")
      let after = try await Self.identities(scene)
      #expect(after[0] == before[0])
      #expect(after.map(\.claim) == before.map(\.claim))
      let used = before.compactMap(\.node)
      for (old, new) in zip(before, after).dropFirst() {
        #expect(new.pod != nil && new.pod != old.pod)
        #expect(new.node.map { !used.contains($0) } == true)
      }

      // The script writes each run to the volume.
      let domain =
        "\(DerivedNames.headlessService(cluster: "shop")).\(fixture.namespace).svc.cluster.local"
      let others = Self.workers.dropFirst().map { "\($0).\(domain)" }.joined(separator: ",")
      let news = "--role worker --fqdns \(others) --nodegroup 1"
      let first = try await scene.runs("shop-worker-0")
      #expect(first.map(\.event) == ["configure", "delnodes", "addnodes"])
      #expect(first.dropFirst().allSatisfy { $0.arguments == news })
      for worker in Self.workers.dropFirst() {
        let runs = try await scene.runs(worker)
        #expect(runs.map(\.event) == ["configure", "configure"], "\(worker)")
        #expect(Set(runs.map(\.container)).count == 2, "\(worker)")
      }
      try await scene.mustHaveRunOnce(Self.workers)
    }
  }
}
