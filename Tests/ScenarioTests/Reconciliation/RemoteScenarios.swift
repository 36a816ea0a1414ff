import Foundation
import Reports
import TestSupport
import Testing

@Suite("The daemon and its repository", needsBubblewrap)
struct RemoteScenarios {
  @Test("the daemon's own writes cause no work: once settled, it is silent")
  func quiet() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      let first = try scene.forge.first()
      try await scene.note(first, phase: "done")
      try await scene.eventually("status file that says configured") {
        scene.forge.statusFile(scene.name("shop"))?.phase == .done ? true : nil
      }
      let writes = {
        [scene.forge.writes(of: "refs/notes/kdops"), scene.forge.writes(of: "refs/kdops/status")]
      }
      let (before, lines) = (writes(), scene.log().count)
      // Several intervals, and longer than the writer waits between two publications.
      try await staying(for: .seconds(5), "refs and log as they were") {
        writes() == before && scene.log().count == lines
      }
    }
  }

  @Test("rewritten history is blocked: it is reported, and nothing is applied")
  func rewritten() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let second = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.note(second, phase: "done")
      let user = scene.forge.user
      try user.git("reset", "--quiet", "--hard", "HEAD~1")
      try user.commit(scene.fixture.resize(3), "Grow shop")
      try user.push("--force", "main")
      try await scene.eventually("word of it in the log") {
        scene.logged("history.rewritten").isEmpty ? nil : true
      }
      try await staying(for: .seconds(1), "cluster as it was") {
        let status = try await scene.status()
        return status?.members.count == 3 && status?.app == "web-1.1.0"
      }
      #expect(scene.logged("history.rewritten").count == 1)
      let held = try await scene.note(try user.head(), phase: "waiting")
      #expect(
        held.sentence.contains("history was rewritten: \(second.prefix(7)), the last attempted revision"))
      // A new daemon blocks it as well.
      try await scene.kill()
      try await scene.start()
      try await scene.eventually("word of it once more") {
        scene.logged("history.rewritten").count == 2 ? true : nil
      }
      #expect(try await scene.status()?.members.count == 3)
      // So does a daemon that has only the cluster, and not the lost commit.
      try await scene.kill()
      try FileManager.default.removeItem(atPath: "\(scene.folder.path)/cluster/repository.git")
      try await scene.start()
      try await scene.eventually("word of it a third time") {
        scene.logged("history.rewritten").count == 3 ? true : nil
      }
      #expect(scene.logged("history.rewritten").allSatisfy { $0.contains("was=\(second.prefix(7))") })
      #expect(try await scene.status()?.members.count == 3)
      // A head that contains the last attempted revision ends the block.
      try user.git("merge", "--quiet", "--strategy", "ours", "--message", "Go on from the upgrade", second)
      try user.git("checkout", second, "--", ".")
      let merged = try user.commit(
        scene.fixture.resize(2, app: "1.1.0"), "Grow shop")
      try user.push()
      try await scene.note(merged, phase: "done")
      #expect(try await scene.status()?.members.count == 4)
    }
  }

  @Test("with onRewrittenHistory: accept, the new history is followed")
  func acceptedRewrite() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let accepting = ["KDOPS_ON_REWRITTEN_HISTORY": "accept"]
      try await scene.start(environment: accepting)
      try await scene.configured("1.0.0")
      let user = scene.forge.user
      let lost = try scene.forge.push(
        scene.fixture.resize(2), "Grow shop")
      try await scene.note(lost, phase: "done")
      try user.git("reset", "--quiet", "--hard", "HEAD~1")
      let other = try user.commit(
        scene.fixture.resize(3), "Grow shop otherwise")
      try user.push("--force", "main")
      try await scene.note(other, phase: "done")
      #expect(try await scene.status()?.members.count == 5)
    }
  }

  @Test("while the repository is away the daemon continues, and later keeps the notes of others")
  func forgeGone() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      let first = try scene.forge.first()
      try await scene.note(first, phase: "done")
      let (path, away) = (scene.forge.bare.path, scene.forge.bare.path + ".away")
      try FileManager.default.moveItem(atPath: path, toPath: away)
      try await scene.eventually("word of it in the log") {
        scene.logged("git.fetch.failed").isEmpty ? nil : true
      }
      let isRunning = try await scene.daemon().isRunning
      #expect(isRunning)

      // In the meantime another user writes a note of their own, on a commit that the daemon noted as well.
      let user = scene.forge.user
      try user.git("remote", "set-url", "origin", away)
      try user.git("fetch", "--quiet", "origin", "refs/notes/kdops:refs/notes/kdops")
      let second = try user.commit(
        scene.fixture.resize(2), "Grow shop")
      try user.git("notes", "--ref=kdops", "add", "--message", "reviewed by Ada", second)
      let other = try user.git("hash-object", "-w", "--stdin", input: "no commit\n")
      try user.git("notes", "--ref=kdops", "add", "--message", "kept by Ada", other)
      try user.push("main", "refs/notes/kdops")
      try user.git("remote", "set-url", "origin", path)
      try FileManager.default.moveItem(atPath: away, toPath: path)

      try await scene.note(second, phase: "done")
      #expect(!scene.logged("git.reachable").isEmpty)
      #expect(try scene.forge.bare.git("notes", "--ref=kdops", "show", other) == "kept by Ada")
      #expect(scene.forge.note(first)?.phase == "done")
    }
  }
}
