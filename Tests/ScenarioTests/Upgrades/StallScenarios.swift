import KubeDirector
import Reports
import Testing

@Suite("An upgrade that stalls", needsBubblewrap)
struct StallScenarios {
  @Test(
    "on a tag that cannot be pulled, status, note and event name reason and remediation; a revert restores everything",
    arguments: Backend.available)
  func badTag(_ backend: Backend) async throws {
    try await scenario(Fixture(backend)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      let stuck = try await scene.note(commit, "stuck") { $0.phase == "failed" }
      let message = try #require(stuck.object("shop")?.message)
      #expect(message.contains("ErrImagePull"))
      #expect(message.contains(scene.fixture.webImage(tag: "1.l.0")))
      #expect(message.contains("revert commit \(commit.prefix(7))"))
      #expect(stuck.sentence.contains("stalled: \(scene.name("shop"))"))
      #expect(stuck.object("shop")?.upgrade?.roles.contains { $0.stalled } == true)
      // Each role has a last ordinal.
      let status = try await scene.eventually("both roles stuck") {
        let status = try await scene.status()
        let stuck = status?.members.filter { $0.detail.waitingReason == "ErrImagePull" }.map(\.pod)
        return stuck == ["shop-worker-2", "shop-front-0"] ? status : nil
      }
      #expect(status.state == .updating)
      let stalled = try #require(status.condition(.stalled))
      #expect(stalled.status && stalled.reason == "ErrImagePull")
      #expect(stalled.message.contains("revert commit \(commit.prefix(7))"))
      let found = try await scene.eventually("event that says so") {
        try await scene.announcements("ErrImagePull").last
      }
      #expect(found.contains("revert commit \(commit.prefix(7))"))

      let revert = try scene.forge.revert(commit)
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .rollback)
      try await scene.configured("1.0.0")
      let after = try await scene.pods()
      for pod in ["shop-worker-0", "shop-worker-1", "shop-gateway-0"] {
        #expect(before[pod] == after[pod], "\(pod)")
        #expect(try await scene.events(pod).count == 1, "\(pod)")
      }
      for pod in ["shop-worker-2", "shop-front-0"] {
        #expect(before[pod]?.uid != after[pod]?.uid, "\(pod)")
        #expect(before[pod]?.image == after[pod]?.image, "\(pod)")
      }
      #expect(try await scene.events("shop-worker-2") == ["configure 1.0", "pod_reverted 1.0"])
      #expect(try await scene.events("shop-front-0") == ["pod_reverted 1.0"])
      // The rollback does not report the fault that it fixes.
      let all = try await scene.announcements("ErrImagePull")
      #expect(all.allSatisfy { $0.contains("revert commit \(commit.prefix(7))") }, "\(all)")
    }
  }

  @Test(
    "a failed script stalls its role, is not retried automatically, and a revert restores the pod",
    arguments: Backend.available)
  func failingScript(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, .init(version: "1.1", failsUpgraded: 7))) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      let stuck = try await scene.note(commit, "stuck") { $0.phase == "failed" }
      let message = try #require(stuck.object("shop")?.message)
      #expect(message.contains("--pod_upgraded ended with exit code 7"))
      #expect(message.contains("revert commit \(commit.prefix(7))"))
      // The other role fails too, a moment earlier or later.
      try await scene.eventually("failure of both roles") {
        try await scene.status()?.members.filter { $0.state == .configError }.count == 2 ? true : nil
      }
      try await staying(for: .seconds(2), "one run a pod, and no other pod touched") {
        let (last, next) = try await (scene.events("shop-worker-2"), scene.events("shop-worker-1"))
        let front = try await scene.events("shop-front-0")
        return last == ["configure 1.0", "pod_upgraded 1.1"] && next == ["configure 1.0"]
          && front == ["pod_upgraded 1.1"]
      }
      // A new daemon does not retry it either.
      try await scene.kill()
      try await scene.start()
      try await scene.eventually("daemon that follows again") {
        scene.logged("head.fetched").count >= 3 ? true : nil
      }
      try await staying(for: .seconds(2), "one run a pod after a restart") {
        try await scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1"]
      }
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(
        try await scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }

  @Test("a resize whose members do not start is undone by its revert")
  func stuckResize() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let settings = try #require(scene.fixture.base()[".kdops.yaml"] ?? nil)
      try scene.forge.push(
        [".kdops.yaml": settings.replacing("web:1.0.*", with: "web:0.9.*")], "Lose an image")
      let grow = try scene.forge.push(scene.fixture.resize(3), "Grow shop")
      let stuck = try await scene.note(grow, phase: "failed")
      #expect(stuck.object("shop")?.message?.contains("ErrImagePull") == true)
      let revert = try scene.forge.revert(grow)
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .resize)
      #expect(try await scene.status()?.role("worker")?.members.count == 1)
      #expect(try await scene.pods() == before)
    }
  }

  @Test("with fixForward a stalled upgrade is replaced by an upgrade to a third app automatically")
  func fixForward() async throws {
    try await scenario(Fixture(.embedded, workers: 2), start: false) { scene in
      try await scene.start(environment: ["KDOPS_UPGRADE_FIX_FORWARD": "true"])
      try await scene.configured("1.0.0")
      let second = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try await scene.note(second, phase: "failed")
      let third = try scene.forge.push(scene.fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
      try await scene.note(third, phase: "done")
      try await scene.configured("1.2.0")
      #expect(scene.forge.note(second)?.object("shop")?.message == "rolled back by \(third.prefix(7))")
      #expect(
        try await scene.events("shop-worker-1") == ["configure 1.0", "pod_reverted 1.0", "pod_upgraded 1.2"])
    }
  }
}
