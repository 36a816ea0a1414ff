import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("Signature gate, automatic revert and push", needsBubblewrap)
struct SignatureScenarios {
  private static let revert = [
    "KDOPS_UPGRADE_ON_STALL": "revert-commit", "KDOPS_UPGRADE_PROGRESS_DEADLINE": "2s",
  ]

  /// Waits until the daemon's commit is on the branch.
  private static func taken(_ scene: Scene, _ commit: String) async throws -> String {
    try await scene.eventually("commit that takes \(commit.prefix(7)) back") {
      let head = try scene.forge.bare.git("rev-parse", "main")
      return head == commit ? nil : head
    }
  }

  @Test("a stalled upgrade is reverted by a commit of the daemon, and rolled back like any other")
  func takenBack() async throws {
    try await scenario(Fixture(.embedded, workers: 2), start: false) { scene in
      try await scene.start(environment: Self.revert)
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      let revert = try await Self.taken(scene, commit)
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .rollback)
      try await scene.configured("1.0.0")
      #expect(try scene.forge.bare.git("diff", "--name-only", commit, revert) == Fixture.clusterPath("shop"))
      #expect(
        try scene.forge.bare.git("show", "--no-patch", "--format=%an, %s", revert)
          == "kdops, Revert the upgrade of default/shop to web-1.1.0")
      #expect(scene.forge.note(commit)?.object("shop")?.message == "rolled back by \(revert.prefix(7))")
      #expect(try await scene.announcements("RevertPushed").count == 1)
      // The app's file stays, and the next upgrade does not count as a second try.
      #expect(try await scene.app("1.1.0") != nil)
      try scene.forge.user.git("pull", "--quiet", "--rebase", "origin", "main")
      let next = try scene.forge.push(scene.fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
      try await scene.note(next, phase: "done")
      #expect(try scene.forge.bare.git("rev-parse", "main") == next)
    }
  }

  @Test(
    "a daemon killed during its push leaves at most one commit, and the next daemon continues from there",
    arguments: ["pre-receive", "post-receive"])
  func death(_ hook: String) async throws {
    try await scenario(Fixture(.embedded, workers: 2), start: false) { scene in
      try await scene.start(environment: Self.revert)
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      // The daemon itself runs the hooks of a remote on this machine: before and after the branch moves.
      try scene.forge.bare.setHook(
        hook, "case \"$(cat)\" in *refs/heads/main*) kill -9 $PPID ;; esac")
      let daemon = try await scene.daemon()
      try await daemon.ended(within: .seconds(120))
      let isPushed = try scene.forge.bare.git("rev-parse", "main") != commit
      #expect(isPushed == (hook == "post-receive"))
      try scene.forge.bare.setHook(hook, "exit 0")
      try await scene.start(environment: Self.revert)
      let revert = try await Self.taken(scene, commit)
      try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(try scene.forge.bare.git("rev-parse", "main~1") == commit)
      #expect(try await scene.events("shop-worker-1") == ["configure 1.0", "pod_reverted 1.0"])
    }
  }

  @Test("a protected branch is reported, and the push is tried once")
  func protected() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      try await scene.start(environment: Self.revert)
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try scene.forge.bare.setHook(
        "update", "if [ \"$1\" = refs/heads/main ]; then echo 'protected branch' >&2; exit 1; fi")
      let note = try await scene.note(commit, "refused") {
        $0.object("shop")?.message?.contains("the daemon cannot revert it automatically") == true
      }
      #expect(note.object("shop")?.message?.contains("let the daemon's account push to main") == true)
      try await staying(for: .seconds(2), "one try") { scene.logged("upgrade.revert-refused").count == 1 }
      #expect(try scene.forge.bare.git("rev-parse", "main") == commit)
    }
  }

  @Test("unsigned commits are blocked and reported, and followed once they are signed")
  func signatures() async throws {
    let ann = try SSHSigner()
    let folder = try TemporaryFolder()
    let signers = "\(folder.path)/signers"
    try ann.line("ann@example.org").write(toFile: signers, atomically: true, encoding: .utf8)
    let environment = ["KDOPS_VERIFY_MODE": "range", "KDOPS_VERIFY_ALLOWED_SIGNERS": signers]
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let user = scene.forge.user
      try ann.sign(in: user)
      try user.git("commit", "--quiet", "--amend", "--no-edit")
      try user.push("--force", "main")
      try await scene.start(environment: environment)
      try await scene.configured("1.0.0")
      try user.git("config", "commit.gpgsign", "false")
      let bad = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      let note = try await scene.note(bad, phase: "rejected")
      #expect(
        note.sentence.hasPrefix(
          "rejected: \(bad.prefix(7)) (commit/signature: \(bad.prefix(7)) is not signed"))
      let file = try await scene.eventually("word in the status tree") {
        scene.forge.statusFile(scene.name("shop")).flatMap { $0.verdict == .rejected ? $0 : nil }
      }
      #expect(file.message?.contains("is not signed") == true)
      #expect(scene.logged("commit.blocked").count == 1)
      let held = "commit \(bad.prefix(7)) is blocked   commit/signature"
      #expect(try await Self.status(scene).contains(held))
      // A new daemon blocks them too, and still corrects drift of the applied objects.
      try await scene.kill()
      #expect(try await Self.status(scene).contains(held))
      try await scene.start(environment: environment)
      try await scene.eventually("commit held again") {
        scene.logged("commit.blocked").count == 2 ? true : nil
      }
      try await scene.configured("1.0.0")
      try user.git("commit", "--quiet", "--amend", "--no-edit", "--gpg-sign")
      try user.push("--force", "main")
      try await scene.note(try user.head(), phase: "done")
      try await scene.configured("1.1.0")
      #expect(try await !Self.status(scene).contains("held"))
    }
  }

  /// The output of `kdops status` for the scenario's cluster, which is read without git.
  private static func status(_ scene: Scene) async throws -> String {
    let program = try #require(DaemonProcess.program)
    return try await Tool.run([program, "status", "--embedded=\(scene.folder.path)/cluster"])
  }

  @Test("a branch that accepts only signed commits accepts the daemon's if it has a signing key")
  func signedRevert() async throws {
    let key = try SSHSigner("kdops")
    let folder = try TemporaryFolder()
    let signers = "\(folder.path)/signers"
    try key.line("kdops@git.example").write(toFile: signers, atomically: true, encoding: .utf8)
    let environment = Self.revert.merging([
      "KDOPS_COMMITS_SSH_KEY": key.keyFile, "KDOPS_COMMITS_AUTHOR": "kdops <kdops@git.example>",
    ]) { $1 }
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      try await scene.start(environment: environment)
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try scene.forge.bare.setHook(
        "update",
        "if [ \"$1\" = refs/heads/main ]; then "
          + "git -c gpg.ssh.allowedSignersFile=\(signers) verify-commit \"$3\" || exit 1; fi")
      let revert = try await Self.taken(scene, commit)
      try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(
        try scene.forge.bare.git("show", "--no-patch", "--format=%ae %ce", revert)
          == "kdops@git.example kdops@git.example")
    }
  }

  @Test("a daemon with an unusable signing key exits 2 at the start")
  func uselessKey() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let daemon = try await scene.start(environment: ["KDOPS_COMMITS_SSH_KEY": "/nonexistent/key"])
      #expect(try await daemon.ended(within: .seconds(30)) == 2)
      #expect(scene.log().contains("commits.sshKey: no signature could be made with /nonexistent/key"))
    }
  }

  @Test("a daemon exits 2 at the start if the keyring or the program that verifies signatures is missing")
  func missingProgram() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let daemon = try await scene.start(environment: [
        "KDOPS_VERIFY_MODE": "head", "KDOPS_VERIFY_KEYRING": "/nonexistent/keys", "PATH": "/nonexistent",
      ])
      #expect(try await daemon.ended(within: .seconds(30)) == 2)
      #expect(scene.log().contains("verify.keyring: /nonexistent/keys cannot be read"))
      #expect(scene.log().contains("the program gpgv is missing; install it (Debian: apt-get install gpgv)"))
    }
  }
}
