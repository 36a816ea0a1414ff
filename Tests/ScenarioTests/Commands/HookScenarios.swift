import Foundation
import TestSupport
import Testing

@Suite("A server with the pre-receive hook of kdops", needsBubblewrap)
struct HookScenarios {
  @Test("rejects a bad push with the message of the rule; accepts a good one, and the daemon upgrades")
  func preReceive() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      let (bare, user) = (scene.forge.bare, scene.forge.user)
      try await scene.configured("1.0.0")
      let program = try #require(BuiltProgram.kdops)
      try await Tool.run([program, "hook", "install", "--repo", bare.path])
      try bare.git("config", "kdops.program", program)

      let before = try bare.head("main")
      let refusal = try #require(throws: ToolError.self) {
        try scene.forge.push(scene.fixture.upgrade(workers: 2), "Upgrade and grow shop")
      }
      #expect(refusal.description.contains("remote: error[upgrade/only-app] clusters/shop.yaml"))
      #expect(
        refusal.description.contains("remote: kdops: nothing of this push to main was accepted, 1 error."))
      #expect(try bare.head("main") == before)

      try user.git("reset", "--quiet", "--hard", "HEAD~1")
      let good = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      // The hook blocks neither notes nor statuses.
      try await scene.note(good, phase: "done")
      try await scene.configured("1.1.0")
      try await scene.eventually("status file that says so") {
        scene.forge.statusFile(scene.name("shop"))?.app == "web-1.1.0" ? true : nil
      }

      // A clone with hooks receives both by an ordinary fetch, and the hooks use them.
      try await Tool.run([program, "hook", "install", "--repo", user.path])
      try user.git("config", "kdops.program", program)
      try user.git("fetch", "--quiet")
      #expect(try user.git("log", "-1").contains("done: "))
      try user.write(scene.fixture.resize(3, app: "1.1.0"))
      try user.git("commit", "--quiet", "--all", "--message", "Grow shop")
      let judged = try await Tool.run([program, "validate", "--base", "HEAD~1", user.path])
      #expect(judged.contains("resize: accepted"))
      #expect(!judged.contains("not judged"))
    }
  }

  @Test("past a point of no return, daemon, engine and validate give the same verdict on a revert")
  func noReturn() async throws {
    try await scenario(Fixture(.embedded, workers: 1, .init(version: "1.1", hook: "8"))) { scene in
      try await scene.configured("1.0.0")
      var change = scene.fixture.upgrade()
      change[Fixture.appPath("1.1.0")] = scene.fixture.app("1.1.0").replacing(
        "\"name\": \"web-1.1.0\"",
        with: "\"name\": \"web-1.1.0\", \"annotations\": {\"kdops.dev/point-of-no-return\": \"worker\"}")
      let commit = try scene.forge.push(change, "Upgrade shop")
      try await scene.eventually("worker with the new package, in the status tree too") {
        scene.forge.statusFile(scene.name("shop"))?.roles.contains { $0.noWayBack } == true ? true : nil
      }
      let user = scene.forge.user
      try user.git("fetch", "--quiet", "origin", "+refs/kdops/status:refs/kdops/status")
      let revert = try scene.forge.revert(commit)
      let program = try #require(BuiltProgram.kdops)
      let judged = try await Tool.run([program, "validate", "--base", "HEAD~1", user.path])
      #expect(judged.contains("waiting[rollback/point-of-no-return]"))

      let note = try await scene.note(revert, phase: "rejected")
      #expect(note.object("shop")?.rules == ["rollback/point-of-no-return"])
      try await scene.configured("1.1.0")
      try await scene.note(commit, phase: "done")
      #expect(try await scene.status()?.condition(.stalled)?.status == false)
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0", "pod_upgraded 1.1"])
    }
  }
}
