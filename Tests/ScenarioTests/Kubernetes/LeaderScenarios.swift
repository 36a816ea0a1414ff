import KubeDirector
import Reports
import Testing

@Suite("Two daemons for one installation", needsKubernetes)
struct LeaderScenarios {
  private static let pods = ["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"]
  private let fixture = Fixture(.kubernetes, workers: 2, .init(version: "1.1", hook: "4"))

  /// Starts both and an upgrade, and waits until the first is in the middle of it.
  private func begin(_ scene: Scene) async throws -> String {
    try await scene.start(as: "first")
    try await scene.configured("1.0.0")
    try await scene.start(as: "second")
    try await scene.eventually("second daemon that waits") {
      scene.logged("leadership.awaited", by: "second").isEmpty ? nil : true
    }
    let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
    try await scene.eventually("script that runs") {
      try await scene.runs("shop-worker-1").contains { $0.event == "pod_upgraded" && $0.ended == nil }
        ? true : nil
    }
    #expect(scene.logged("leadership.taken", by: "second").isEmpty)
    return commit
  }

  /// Waits until the second daemon leads.
  private func takeover(_ scene: Scene, within limit: Duration) async throws {
    try await scene.eventually(within: limit, "second daemon that leads") {
      scene.logged("leadership.taken", by: "second").isEmpty ? nil : true
    }
  }

  private func mustHaveEnded(_ commit: String, _ scene: Scene) async throws {
    try await scene.note(commit, phase: "done")
    try await scene.configured("1.1.0")
    for pod in ["shop-worker-0", "shop-worker-1"] {
      #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
    }
    #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
    try await scene.mustHaveRunOnce(Self.pods)
  }

  @Test("if the leader is killed, the other leads within 15 s and continues; only Kubernetes has leases")
  func takeover() async throws {
    try await scenario(fixture, start: false) { scene in
      let commit = try await begin(scene)
      try await scene.kill("first")
      try await takeover(scene, within: .seconds(15))
      try await mustHaveEnded(commit, scene)
    }
  }

  @Test(
    "a leader frozen for 20 s does no harm when it wakes up, and can lead again; only Kubernetes has leases"
  )
  func frozenLeader() async throws {
    try await scenario(fixture, start: false) { scene in
      let commit = try await begin(scene)
      let first = try await scene.daemon("first")
      first.freeze()
      let woken = ContinuousClock.now.advanced(by: .seconds(20))
      try await takeover(scene, within: .seconds(15))
      // This sleep waits for no condition: the daemon must be frozen for that long.
      try await Task.sleep(until: woken, clock: .continuous)
      first.thaw()
      try await scene.eventually("first daemon that waits") {
        scene.logged("leadership.lost", by: "first").isEmpty
          || scene.logged("leadership.awaited", by: "first").isEmpty ? nil : true
      }
      try await mustHaveEnded(commit, scene)

      #expect(try await scene.daemon("second").stop(within: .seconds(10)) == 0)
      let grow = try scene.forge.push(scene.fixture.resize(3, app: "1.1.0"), "Grow shop")
      try await scene.note(grow, phase: "done")
      #expect(scene.logged("leadership.taken", by: "first").count == 2)
      #expect(try await scene.status()?.role("worker")?.members.count == 3)
    }
  }
}
