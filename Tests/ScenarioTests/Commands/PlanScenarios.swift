import Foundation
import KubeDirector
import TestSupport
import Testing

@Suite("kdops plan while a daemon runs", needsBubblewrap)
struct PlanScenarios {
  /// The plan of the last commit, and its exit code.
  private func plan(_ scene: Scene, _ format: String = "human") async throws -> (code: Int, text: String) {
    // As an ordinary clone fetches them if it has no notes of its own.
    try scene.forge.user.git(
      "fetch", "--quiet", "origin", "+refs/kdops/status*:refs/kdops/remote/kdops/status*",
      "+refs/notes/kdops*:refs/notes/origin/kdops*")
    let folder = try TemporaryFolder()
    let log = "\(folder.path)/log"
    let process = try DaemonProcess(
      ["plan", "--base", "HEAD~1", "-C", scene.forge.user.path, "--format", format], log: log)
    let code = try await process.ended(within: .seconds(60))
    return (code, String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self))
  }

  @Test("names what a change waits for and what a revert undoes, from the statuses in git")
  func running() async throws {
    try await scenario(Fixture(.embedded), start: false) { scene in
      func once() async throws { _ = try await scene.start(["--once"]).ended(within: .seconds(120)) }
      try await once()
      let fixture = scene.fixture
      let stuck = try scene.forge.push(fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try await once()
      let words = "web-1.0.0 → web-1.1.0 (commit \(stuck.prefix(7)), 0 of 4 pods, stalled)"

      try scene.forge.user.git("revert", "--no-edit", "HEAD")
      let revert = try await plan(scene)
      #expect(revert.code == 0)
      #expect(revert.text.contains("the rollback of the upgrade \(words)"), "\(revert.text)")
      // The last worker and the front were being upgraded; no other pod was.
      #expect(revert.text.contains("worker 2") && revert.text.contains("pod_reverted × 2"), "\(revert.text)")

      try scene.forge.user.git("reset", "--quiet", "--hard", stuck)
      try scene.forge.user.commit(fixture.resize(5, app: "1.1.0"), "Grow shop")
      let waiting = try await plan(scene, "markdown")
      #expect(waiting.code == 0)
      #expect(waiting.text.contains("**waits** for the upgrade \(words)"), "\(waiting.text)")
      #expect(waiting.text.contains("ErrImagePull"))
    }
  }

  @Test(
    "predicts that a late revert will be rejected, and the daemon then rejects it")
  func late() async throws {
    try await scenario(Fixture(.embedded), start: false) { scene in
      func once() async throws { _ = try await scene.start(["--once"]).ended(within: .seconds(120)) }
      try await once()
      try scene.forge.user.commit(scene.fixture.upgrade(), "Upgrade shop")
      let upgrade = try await plan(scene)
      #expect(upgrade.text.contains("pod_upgraded × 4"), "\(upgrade.text)")
      #expect(upgrade.text.contains("worker 2 1 0") && upgrade.text.contains("gateway untouched"))
      try scene.forge.user.push()
      try await once()
      var received = 0
      for pod in ["shop-worker-0", "shop-worker-1", "shop-worker-2", "shop-front-0", "shop-gateway-0"] {
        received += try await scene.events(pod).count { $0.hasPrefix("pod_upgraded") }
      }
      #expect(received == 4)

      try scene.forge.user.git("revert", "--no-edit", "HEAD")
      let revert = try await plan(scene)
      #expect(revert.code == 1)
      #expect(
        revert.text.contains("has finished, and a rollback is possible only while it runs"), "\(revert.text)")
      try scene.forge.user.push()
      try await once()
      #expect(scene.forge.note(try scene.forge.user.head())?.phase == "rejected")
    }
  }
}
