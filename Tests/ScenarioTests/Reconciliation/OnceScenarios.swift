import KubeDirector
import Testing

@Suite("kdops run --once", needsBubblewrap)
struct OnceScenarios {
  @Test("exits 0 if all clusters match git, and 1 if a change was rejected or failed")
  func exitCodes() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      func once() async throws -> Int {
        try await scene.start(["--once"]).ended(within: .seconds(120))
      }
      #expect(try await once() == 0)
      #expect(try await scene.status()?.state == .configured)
      #expect(scene.forge.note(try scene.forge.first())?.phase == "done")
      #expect(scene.forge.statusFile(scene.name("shop"))?.state == .configured)
      // Nothing is new, so there is nothing to do.
      #expect(try await once() == 0)

      let rejected = try scene.forge.push(scene.fixture.upgrade(workers: 2), "Upgrade and grow shop")
      #expect(try await once() == 1)
      #expect(scene.forge.note(rejected)?.phase == "rejected")
      // Also if an earlier run has reported it already.
      #expect(try await once() == 1)

      let failed = try scene.forge.push(
        scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      #expect(try await once() == 1)
      #expect(scene.forge.note(failed)?.phase == "failed")
      #expect(scene.forge.note(failed)?.object("shop")?.message?.contains("ErrImagePull") == true)
    }
  }

  @Test("exits 1 with a reason if all clusters match git but the repository refuses the status")
  func statusUnwritten() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      try scene.forge.bare.setHook("pre-receive", "echo 'statuses are not welcome' >&2; exit 1")
      #expect(try await scene.start(["--once"]).ended(within: .seconds(120)) == 1)
      #expect(try await scene.status()?.state == .configured)
      #expect(
        scene.log(Scene.daemon).contains("everything matches git, but its status could not be written"))
      #expect(scene.forge.note(try scene.forge.first()) == nil)
    }
  }
}
