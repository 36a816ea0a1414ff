import Foundation
import TestSupport
import Testing

@Suite("The pre-receive hook")
struct ReceiveHookTests {
  private typealias Files = HookFixture.Files
  private let fixture: HookFixture

  init() throws {
    fixture = try HookFixture()
    try fixture.kdops("hook", "install", in: fixture.server.path)
  }

  @Test("rejects a violation of a rule on the pusher's terminal, and accepts a valid change")
  func judges() throws {
    let before = try fixture.server.head("main")
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    let refused = try fixture.git("push")
    #expect(!refused.passed)
    #expect(refused.said.contains("remote: error[upgrade/only-app] clusters/prod/analytics.yaml:10:16"))
    #expect(refused.said.contains("remote: kdops: nothing of this push to main was accepted, 1 error."))
    #expect(try fixture.server.head("main") == before)
    try fixture.clone.commit(Files.upgraded, "Grow no more")
    let taken = try fixture.git("push")
    #expect(taken.passed)
    #expect(taken.said.contains("remote: kdops: prod/analytics upgrade accepted"))
    #expect(try fixture.server.head("main") == fixture.clone.head())
  }

  @Test("one invalid ref rejects the whole push")
  func whole() throws {
    try fixture.clone.git("branch", "sound")
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    #expect(try !fixture.git("push", "origin", "sound", "main").passed)
    #expect(throws: ToolError.self) { try fixture.server.head("sound") }
  }

  @Test("accepts other branches, tags and the daemon's refs without validation")
  func others() throws {
    try fixture.clone.commit(["clusters/prod/x.yaml": "broken: ["], "Break")
    let push = try fixture.git(
      "push", "origin", "HEAD:topic", "HEAD:refs/notes/kdops", "HEAD:refs/kdops/status",
      "HEAD:refs/heads/kdops/status", "HEAD:refs/tags/v1")
    #expect(push.passed, "\(push.said)")
    #expect(!push.said.contains("kdops:"))
    #expect(try fixture.git("push", "origin", ":topic").passed)
  }

  @Test("reports a glob that cannot be parsed, and accepts its correction if the branch has it already")
  func badGlob() throws {
    try fixture.clone.commit([".kdops.yaml": "clusters: [\"clusters/[\"]\n"], "Break the layout")
    let refused = try fixture.git("push", "origin", "main")
    #expect(!refused.passed)
    #expect(refused.said.contains("remote: error[layout/schema] .kdops.yaml:1:12"), "\(refused.said)")
    #expect(try fixture.git("push", "origin", "HEAD:topic").passed)
    try fixture.server.git("update-ref", "refs/heads/main", "refs/heads/topic")
    try fixture.clone.commit([".kdops.yaml": "clusters: [\"clusters/**\"]\n"], "Correct the layout")
    let push = try fixture.git("push", "origin", "main")
    #expect(push.passed, "\(push.said)")
  }

  @Test("validates the configured branch, else the one of HEAD")
  func branch() throws {
    try fixture.server.git("config", "kdops.branch", "live")
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    #expect(try fixture.git("push", "origin", "HEAD:main").passed)
    #expect(try fixture.git("push", "origin", "HEAD~1:refs/heads/live").passed)
    #expect(try !fixture.git("push", "origin", "HEAD:live").passed)
  }

  @Test("of a forced push validates the branch's new content")
  func forced() throws {
    try fixture.clone.commit(Files.upgraded, "Upgrade")
    #expect(try fixture.git("push").passed)
    try fixture.clone.git("reset", "--quiet", "--hard", "HEAD~1")
    try fixture.clone.commit([Files.cluster: Files.analytics("1.0.0", members: 5)], "Grow")
    let push = try fixture.git("push", "--force")
    #expect(!push.passed)
    #expect(push.said.contains("error[rollback/only-app]"))
  }

  @Test("validates the first push to an empty repository")
  func first() throws {
    let empty = try HookFixture([:])
    try empty.kdops("hook", "install", in: empty.server.path)
    try empty.clone.commit(["clusters/prod/x.yaml": "broken: ["], "Begin badly")
    #expect(try !empty.git("push", "origin", "main").passed)
    try empty.clone.commit(["clusters/prod/x.yaml": nil].merging(Files.start) { $1 }, "Begin well")
    #expect(try empty.git("push", "origin", "main").passed)
  }

  @Test("reads the status from the repository itself")
  func status() throws {
    try fixture.publish("updating", at: Int(Date().timeIntervalSince1970) - 30)
    try fixture.clone.commit([Files.cluster: Files.analytics("1.0.0", members: 5)], "Grow")
    let push = try fixture.git("push")
    #expect(push.passed)
    #expect(push.said.contains("remote: kdops: prod/analytics resize waiting"))
    #expect(!push.said.contains("old"))
  }

  @Test("works in a repository that belongs to another user", .enabled(if: geteuid() == 0))
  func foreign() throws {
    try TemporaryRepository.run(["chown", "-R", "65534:65534", fixture.server.path], in: nil)
    let asked = try fixture.kdops("validate", "--base", "HEAD", in: fixture.server.path)
    #expect(asked.said.contains("--add safe.directory \(fixture.server.path)` if you trust"), "\(asked.said)")
    // Git itself requires that the owner is declared as trusted.
    let scratch = try TemporaryFolder()
    let trusting = ["GIT_CONFIG_GLOBAL": scratch.path + "/config"]
    try Data("[safe]\n\tdirectory = *\n".utf8).write(to: URL(fileURLWithPath: scratch.path + "/config"))
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    let refused = try fixture.git("push", environment: trusting)
    #expect(refused.said.contains("remote: error[upgrade/only-app]"), "\(refused.said)")
    try fixture.clone.commit(Files.upgraded, "Grow no more")
    #expect(try fixture.git("push", environment: trusting).passed)
  }

  @Test(
    "works if the home folder is not accessible, for example if root became another user",
    .enabled(if: geteuid() == 0)
  )
  func home() throws {
    let scratch = try TemporaryFolder()
    let home = scratch.path + "/home"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: home)
    for path in [fixture.clone.path, fixture.server.path].map({
      URL(fileURLWithPath: $0).deletingLastPathComponent()
    }) {
      try TemporaryRepository.run(["chown", "-R", "65534:65534", path.path], in: nil)
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path)
    let program = scratch.path + "/kdops"
    // Copied by a process of its own: a process that is started here meanwhile would keep the copy open,
    // which then cannot be executed.
    try TemporaryRepository.run(["cp", try #require(BuiltProgram.kdops), program], in: nil)
    try fixture.server.git(
      "config", "kdops.program", program,
      environment: ["GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"])
    let unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    let other = ["HOME": home, "PATH": "/usr/bin:/bin"]
    try fixture.clone.write(HookFixture.Files.overreaching)
    #expect(
      try fixture.attempt(
        unprivileged + ["git", "commit", "--quiet", "--all", "--message", "x"], in: fixture.clone.path,
        environment: other
      ).passed)
    let push = try fixture.attempt(
      unprivileged + ["git", "push"], in: fixture.clone.path, environment: other)
    #expect(push.said.contains("remote: error[upgrade/only-app]"), "\(push.said)")
  }
}
