import Foundation
import TestSupport
import Testing

@Suite("The pre-commit hook")
struct CommitHookTests {
  private typealias Files = HookFixture.Files
  private let fixture: HookFixture

  init() throws {
    fixture = try HookFixture()
    try fixture.kdops("hook", "install")
  }

  @Test("accepts a valid change, and prints its verdict")
  func sound() throws {
    try fixture.stage(Files.upgraded)
    let commit = try fixture.git("commit", "--message", "Upgrade")
    #expect(commit.passed)
    #expect(commit.said.contains("kdops: prod/analytics upgrade accepted"))
    #expect(
      commit.said.contains(
        "not judged without a status of running clusters: upgrade/configured; `git fetch` fetches the last one that a "
          + "daemon has written"))
  }

  @Test("prints nothing if a commit changes no objects")
  func silent() throws {
    try fixture.stage(["README.md": "hello\n"])
    let commit = try fixture.git("commit", "--quiet", "--message", "Change")
    #expect(commit.passed)
    #expect(commit.said == "")
  }

  @Test("rejects a violation of a rule, with its position and the fix")
  func broken() throws {
    try fixture.stage(Files.overreaching)
    let commit = try fixture.git("commit", "--message", "Upgrade and grow")
    #expect(!commit.passed)
    #expect(commit.said.contains("error[upgrade/only-app] clusters/prod/analytics.yaml:10:16"))
    #expect(commit.said.contains("  help: put an upgrade in a commit of its own"))
    #expect(
      commit.said.contains(
        "kdops: not committed, 1 error. Fix the findings above, `git add` it and commit again"))
    #expect(try fixture.git("commit", "--no-verify", "--message", "In spite of it").passed)
  }

  @Test("validates what is staged, not what is on disk")
  func partial() throws {
    try fixture.stage(Files.upgraded)
    try fixture.clone.write([Files.cluster: "broken: ["])
    #expect(try fixture.git("commit", "--message", "Upgrade").passed)
    try fixture.stage([Files.cluster: "broken: ["])
    try fixture.clone.write([Files.cluster: Files.analytics("1.1.0", members: 4)])
    let commit = try fixture.git("commit", "--message", "Grow")
    #expect(!commit.passed)
    #expect(commit.said.contains("error[file/syntax]"))
  }

  @Test("validates what commit -a and commit FILE would commit, which is another index")
  func otherIndex() throws {
    try fixture.stage(["clusters/prod/lake.yaml": Files.analytics("1.0.0", name: "lake")])
    try fixture.clone.write(["clusters/prod/lake.yaml": "broken: ["])
    let sound = try fixture.git("commit", "--message", "Upgrade", "--allow-empty", "--only")
    #expect(sound.passed)
    try fixture.clone.write(Files.overreaching)
    let one = try fixture.git("commit", Files.cluster, "--message", "Upgrade and grow")
    #expect(!one.passed)
    #expect(one.said.contains("error[upgrade/only-app]"))
    #expect(!one.said.contains("file/syntax"))
    let all = try fixture.git("commit", "--all", "--message", "All")
    #expect(!all.passed)
    #expect(all.said.contains("error[file/syntax] clusters/prod/lake.yaml"))
  }

  @Test("accepts the first commit of a repository")
  func first() throws {
    let empty = try HookFixture([:])
    try empty.kdops("hook", "install")
    try empty.stage(Files.start)
    let commit = try empty.git("commit", "--message", "Begin")
    #expect(commit.passed)
    #expect(commit.said.contains("prod/analytics create accepted"))
  }

  @Test("reports nothing for a moved file")
  func moved() throws {
    try fixture.clone.git("mv", Files.cluster, "clusters/moved.yaml")
    let commit = try fixture.git("commit", "--quiet", "--message", "Move")
    #expect(commit.passed)
    #expect(commit.said == "")
  }

  @Test("rejects the deletion of an app that a cluster uses")
  func deletion() throws {
    try fixture.clone.git("rm", "--quiet", "apps/spark-1.0.0.json")
    #expect(try fixture.git("commit", "--message", "Tidy up").said.contains("error[app/in-use]"))
  }

  @Test("works in a linked work tree and from a folder in it")
  func linked() throws {
    let scratch = try TemporaryFolder()
    let linked = scratch.path + "/linked"
    try fixture.clone.git("worktree", "add", "--quiet", "-b", "topic", linked)
    try Data(Files.analytics("1.1.0", members: 4).utf8).write(
      to: URL(fileURLWithPath: "\(linked)/\(Files.cluster)"))
    let commit = try fixture.git("commit", "--all", "--message", "x", in: "\(linked)/clusters/prod")
    #expect(!commit.passed)
    #expect(commit.said.contains("error[upgrade/only-app] clusters/prod/analytics.yaml"))
  }

  @Test("works if GIT_DIR and GIT_WORK_TREE name the repository")
  func named() throws {
    let scratch = try TemporaryFolder()
    let tree = scratch.path + "/files"
    try FileManager.default.copyItem(atPath: fixture.clone.path, toPath: tree)
    try FileManager.default.removeItem(atPath: tree + "/.git")
    try Data(Files.analytics("1.1.0", members: 4).utf8).write(
      to: URL(fileURLWithPath: "\(tree)/\(Files.cluster)"))
    let names = ["GIT_DIR": fixture.clone.path + "/.git", "GIT_WORK_TREE": tree]
    let commit = try fixture.git("commit", "--all", "--message", "x", in: "/", environment: names)
    #expect(!commit.passed)
    #expect(commit.said.contains("error[upgrade/only-app]"))
  }

  @Test("of a merge validates only what the followed branch lacks")
  func merge() throws {
    // Others added a member and then upgraded the cluster, in two commits; as one change it would violate a
    // rule.
    let other = try fixture.server.clone()
    try other.commit([Files.cluster: Files.analytics("1.0.0", members: 4)], "Grow")
    try other.commit([Files.cluster: Files.analytics("1.1.0", members: 4)], "Upgrade")
    try other.push()
    try fixture.stage(["README.md": "mine\n"])
    try fixture.clone.git("commit", "--quiet", "--no-verify", "--message", "Change")
    try fixture.clone.git("fetch", "--quiet")
    #expect(try fixture.git("merge", "--no-commit", "--quiet", "origin/main").passed)
    let merge = try fixture.git("commit", "--quiet", "--no-edit")
    #expect(merge.passed, "\(merge.said)")
    #expect(try fixture.clone.git("rev-list", "--count", "--merges", "HEAD") == "1")
  }

  @Test("of a merge that git commits automatically validates the same")
  func automaticMerge() throws {
    try fixture.kdops("hook", "install", "pre-merge-commit")
    try fixture.clone.git("checkout", "--quiet", "-b", "topic")
    try fixture.stage(Files.overreaching)
    try fixture.clone.git("commit", "--quiet", "--no-verify", "--message", "Upgrade and grow")
    try fixture.clone.git("checkout", "--quiet", "main")
    let refused = try fixture.git("merge", "--no-ff", "--no-edit", "topic")
    #expect(!refused.passed)
    #expect(refused.said.contains("error[upgrade/only-app]"))
  }

  @Test("lets an invalid commit be amended")
  func amend() throws {
    try fixture.stage(Files.overreaching)
    try fixture.clone.git("commit", "--quiet", "--no-verify", "--message", "Upgrade and grow")
    // On top of the invalid commit this would be a rollback that changes something else.
    try fixture.stage([Files.cluster: Files.analytics("1.0.0", members: 5)])
    let amended = try fixture.git("commit", "--amend", "--message", "Grow")
    #expect(amended.passed, "\(amended.said)")
    #expect(amended.said.contains("together with the commits that are not pushed yet it is valid"))
    // A pushed commit can no longer be fixed by amending.
    try fixture.stage(Files.overreaching)
    try fixture.clone.git("commit", "--quiet", "--no-verify", "--message", "Upgrade and grow")
    try fixture.clone.git("push", "--quiet", "--no-verify")
    try fixture.stage([Files.cluster: Files.analytics("1.0.0", members: 6)])
    #expect(try !fixture.git("commit", "--message", "Back").passed)
  }

  @Test("names the status that it used, and reports a change of a busy cluster as waiting")
  func status() throws {
    try fixture.publish("updating")
    try fixture.clone.git("fetch", "--quiet")
    try fixture.stage([Files.cluster: Files.analytics("1.0.0", members: 5)])
    let commit = try fixture.git("commit", "--message", "Grow")
    #expect(commit.passed)
    #expect(commit.said.contains("waiting[cluster/busy]"))
    #expect(commit.said.contains("kdops: prod/analytics resize waiting"))
    let id = try fixture.server.git("rev-parse", "refs/kdops/status").prefix(7)
    #expect(commit.said.contains("(status \(id))"))
    #expect(commit.said.contains("kdops: that status is old"))
  }

  @Test("uses the newest status in the clone, of the configured installation")
  func newest() throws {
    try fixture.clone.git("fetch", "--quiet")
    try fixture.publish("updating", at: 1_704_067_300)
    try fixture.clone.git("fetch", "--quiet", "origin", "+refs/kdops/status:refs/kdops/status")
    try fixture.publish("configured", at: 1_704_067_400)
    try fixture.publish("updating", ref: "refs/kdops/status-two", at: 1_704_067_500)
    try fixture.clone.git("fetch", "--quiet")
    try fixture.stage([Files.cluster: Files.analytics("1.0.0", members: 5)])
    #expect(try fixture.kdops("validate", "--staged").said.contains("resize: accepted"))
    try fixture.kdops("hook", "install", "--installation", "two")
    #expect(try fixture.kdops("validate", "--staged").said.contains("resize: waiting"))
  }

  @Test(
    "the command rejects a folder without files unless that is allowed; a commit without files passes"
  )
  func nothingToJudge() throws {
    let empty = try fixture.kdops("validate", ".git")
    #expect(!empty.passed && empty.said.contains("--allow-empty"))
    #expect(try fixture.kdops("validate", ".git", "--allow-empty").passed)
    #expect(try fixture.kdops("validate").passed)
    try fixture.stage(["README.md": "hello\n"])
    #expect(try fixture.kdops("validate", "--staged").passed)
    #expect(try fixture.git("commit", "--message", "Greet").passed)
    #expect(try fixture.kdops("validate", "--base", "HEAD~1").passed)
  }

  @Test("reports a missing kdops on the PATH, and how to set its path")
  func missing() throws {
    try fixture.stage(Files.upgraded)
    let path = ["PATH": "/usr/bin:/bin"]
    let commit = try fixture.git("commit", "--message", "Upgrade", environment: path)
    #expect(!commit.passed)
    #expect(commit.said.contains("there is no kdops on the PATH"))
    #expect(commit.said.contains("git config kdops.program /path/to/kdops"))
    try fixture.clone.git("config", "kdops.program", try #require(BuiltProgram.kdops))
    #expect(try fixture.git("commit", "--message", "Upgrade", environment: path).passed)
  }

  @Test("prints the fix if the index cannot be read")
  func split() throws {
    try fixture.stage(Files.upgraded)
    try fixture.clone.git("update-index", "--split-index")
    let commit = try fixture.git("commit", "--message", "Upgrade")
    #expect(!commit.passed)
    #expect(commit.said.contains("kdops hook pre-commit: "))
    #expect(commit.said.contains("git update-index --no-split-index"))
  }
}
