import Foundation
import TestSupport
import Testing

@Suite("The pre-push hook")
struct PushHookTests {
  private typealias Files = HookFixture.Files
  private let fixture: HookFixture

  init() throws {
    fixture = try HookFixture()
    try fixture.kdops("hook", "install", "pre-push", "--branch", "main")
  }

  @Test("validates all commits that the remote lacks, as one change")
  func net() throws {
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    try fixture.clone.commit(Files.upgraded, "Grow no more")
    let push = try fixture.git("push")
    #expect(push.passed)
    #expect(push.said.contains("kdops: prod/analytics upgrade accepted"))
    #expect(try fixture.git("push").said.contains("Everything up-to-date"))
  }

  @Test("rejects a violation of a rule, and names the branch and the rule")
  func broken() throws {
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    let push = try fixture.git("push")
    #expect(!push.passed)
    #expect(push.said.contains("error[upgrade/only-app]"))
    #expect(push.said.contains("kdops: not pushed to main, 1 error"))
  }

  @Test("accepts the revert of a rejected change that is in the remote, because it was not applied")
  func revertOfRejected() throws {
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    #expect(try fixture.git("push", "--no-verify").passed)
    try fixture.clone.commit(["README.md": "more"], "Describe")
    #expect(try fixture.git("push", "--no-verify").passed)
    try fixture.clone.git("revert", "--no-edit", "HEAD~1")
    let push = try fixture.git("push")
    #expect(push.passed, "\(push.said)")
    #expect(push.said.contains("was not applied; compared with"), "\(push.said)")
  }

  @Test("in a shallow clone judges a push without the rejected changes that the clone lacks")
  func shallow() throws {
    try fixture.clone.commit(["README.md": "more"], "Describe")
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    #expect(try fixture.git("push", "--no-verify").passed)
    let shallow = try fixture.server.clone("--no-local", "--depth=2", "--branch=main")
    try fixture.kdops("hook", "install", "pre-push", "--branch", "main", in: shallow.path)
    try shallow.commit(Files.start, "Restore")
    let push = try fixture.git("push", "origin", "main", in: shallow.path)
    #expect(!push.passed)
    #expect(push.said.contains("kdops: not pushed to main"), "\(push.said)")
    #expect(!push.said.contains("shallow"), "\(push.said)")
  }

  @Test("rejects the revert of a change that is valid, and so was applied")
  func revertOfApplied() throws {
    try fixture.clone.commit(Files.upgraded, "Upgrade")
    #expect(try fixture.git("push").passed)
    try fixture.clone.commit(
      [Files.cluster: Files.analytics("1.0.0", members: 5)], "Downgrade and grow")
    let push = try fixture.git("push")
    #expect(!push.passed, "\(push.said)")
  }

  @Test("validates only the followed branch, and no tags or deletions")
  func others() throws {
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    try fixture.clone.git("tag", "v1")
    #expect(try fixture.git("push", "origin", "HEAD:topic", "v1").said.contains("kdops:") == false)
    #expect(try fixture.git("push", "origin", ":topic").passed)
    #expect(try !fixture.git("push", "origin", "HEAD:more", "HEAD:main").passed)
  }

  @Test("if no followed branch is known, validates each branch by what it adds to the remote's")
  func unknown() throws {
    try fixture.clone.git("config", "--unset", "kdops.branch")
    try fixture.clone.commit(Files.upgraded, "Upgrade")
    let push = try fixture.git("push", "origin", "HEAD:topic", "HEAD:other")
    #expect(push.passed)
    #expect(push.said.contains("kdops: prod/analytics upgrade accepted"))
    // Rewritten, the topic is compared with main and not with its old commits.
    try fixture.clone.git("reset", "--quiet", "--hard", "origin/main")
    try fixture.clone.commit([Files.cluster: Files.analytics("1.0.0", members: 5)], "Grow")
    let forced = try fixture.git("push", "--force", "origin", "HEAD:topic")
    #expect(forced.passed)
    #expect(forced.said.contains("kdops: prod/analytics resize accepted"))
  }

  @Test("of a forced push of the followed branch validates the branch's new content")
  func forced() throws {
    try fixture.clone.commit(Files.upgraded, "Upgrade")
    try fixture.clone.push("--no-verify", "main")
    try fixture.clone.git("reset", "--quiet", "--hard", "HEAD~1")
    try fixture.clone.commit([Files.cluster: Files.analytics("1.0.0", members: 5)], "Grow")
    let push = try fixture.git("push", "--force", "origin", "main")
    #expect(!push.passed)
    #expect(push.said.contains("error[rollback/only-app]"))
  }

  @Test("of a new branch validates its whole content")
  func first() throws {
    let empty = try TemporaryRepository(bare: true)
    try fixture.clone.git("remote", "add", "second", empty.path)
    try fixture.clone.commit(["clusters/prod/x.yaml": "broken: ["], "Break")
    let push = try fixture.git("push", "second", "main")
    #expect(!push.passed)
    #expect(push.said.contains("error[file/syntax] clusters/prod/x.yaml"))
    try fixture.clone.commit(["clusters/prod/x.yaml": nil], "Fix")
    #expect(try fixture.git("push", "second", "main").said.contains("prod/analytics create accepted"))
  }

  @Test("runs the hook that existed before, and both read git's input")
  func chained() throws {
    try fixture.kdops("hook", "install", "--uninstall")
    try fixture.clone.setHook("pre-push", "cat > \(fixture.clone.path)/../input")
    #expect(try fixture.kdops("hook", "install", "pre-push").passed)
    try fixture.clone.commit(Files.overreaching, "Upgrade and grow")
    let push = try fixture.git("push")
    #expect(!push.passed)
    #expect(push.said.contains("error[upgrade/only-app]"))
    let input = try String(contentsOfFile: "\(fixture.clone.path)/../input", encoding: .utf8)
    #expect(input.hasPrefix("refs/heads/main \(try fixture.clone.head()) refs/heads/main "))
    try fixture.clone.setHook("pre-push.before-kdops", "echo no >&2; exit 3")
    #expect(try fixture.git("push").said.contains("error[upgrade/only-app]") == false)
  }
}
