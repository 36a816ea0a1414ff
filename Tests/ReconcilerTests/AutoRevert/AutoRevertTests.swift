import ClusterAPI
import GitStore
import KubeDirector
import Reports
import Rules
import Signatures
import Synchronization
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("onStall: revert-commit", .timeLimit(.minutes(10)))
struct AutoRevertTests {
  /// A clock in seconds that the test sets.
  private final class Watch: Sendable {
    private let seconds = Mutex(1000)
    var now: Int { seconds.withLock { $0 } }
    func set(_ now: Int) { seconds.withLock { $0 = now } }
  }

  private static func settings(_ watch: Watch, leads: Bool = true) -> Reconciler.Settings {
    var settings = Reconciler.Settings()
    settings.autoRevert = AutoRevert(deadline: .seconds(600), now: { watch.now }, leads: { leads })
    return settings
  }

  private static let start = Files.shops("shop").merging(["apps/1.1.0.json": Files.app("1.1.0")]) { $1 }
  private static let path = "clusters/shop.yaml"

  /// The engine claims the last pod at second 1000, and its image cannot be pulled.
  private static func stall(_ fixture: ReconcilerFixture, _ name: String = "shop", isPast: Bool = false)
    async throws
  {
    let info = UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u")
    var stuck = MemberStatus(pod: "\(name)-worker-0", nodeID: 1, state: .configured, app: "web-1.1.0")
    stuck.podUpgradeStatus = .upgrading
    stuck.upgrade = MemberStatus.Ledger(id: "u", revision: "r", since: 1000)
    var role = RoleStatus(id: "worker", statefulSet: "\(name)-worker", members: [stuck])
    role.upgradeStatus = .upgrading
    if isPast {
      var done = stuck
      done.pod = "\(name)-worker-1"
      done.podUpgradeStatus = .configured
      done.upgrade?.done = true
      role.members.append(done)
    }
    try await fixture.engine(
      name, .updating, upgrade: info,
      stalled: "\(name)-worker-0: ErrImagePull: no such image; to return to web-1.0.0, revert commit abc",
      roles: [role])
  }

  private static func upgrade(_ fixture: ReconcilerFixture) async throws -> String {
    try await fixture.engine("shop")
    let commit = try await fixture.push([path: Files.cluster("shop", "1.1.0")], "Upgrade shop")
    await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
    return commit
  }

  private static func head(_ fixture: ReconcilerFixture) throws -> String {
    try fixture.user.git("fetch", "--quiet", "origin")
    return try fixture.user.head("origin/main")
  }

  /// Waits until a commit is pushed on top of this one.
  private static func pushed(_ fixture: ReconcilerFixture, on commit: String) async throws -> String {
    try await #require(
      until {
        guard let head = try? Self.head(fixture), head != commit else { return nil }
        return head
      })
  }

  @Test("pushes the previous file after the deadline, and an ordinary rollback follows")
  func whole() async throws {
    let watch = Watch()
    try await ReconcilerFixture.open(Self.start, settings: Self.settings(watch)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      watch.set(1599)
      await fixture.reconciler.sync()
      await fixture.rest()
      #expect(try Self.head(fixture) == commit)
      watch.set(1600)
      await fixture.reconciler.enqueue()
      let revert = try await Self.pushed(fixture, on: commit)
      #expect(try fixture.user.git("diff", "--name-only", commit, revert) == Self.path)
      #expect(try fixture.user.git("diff", "\(commit)~1", revert, "--", Self.path).isEmpty)
      #expect(
        try fixture.user.git("show", "--no-patch", "--format=%an <%ae>", revert) == "kdops <kdops@localhost>")
      let message = try fixture.user.git("show", "--no-patch", "--format=%B", revert)
      #expect(
        message.hasPrefix(
          "Revert the upgrade of default/shop to web-1.1.0\n\nshop-worker-0: ErrImagePull: no such image\n"))
      #expect(message.contains("This reverts commit \(commit) for default/shop."))
      #expect(message.contains("(\"Upgrade shop\")"))
      let shop = await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == revert }
      #expect(shop?.annotation(Wire.Annotation.change) == "rollback")
      #expect(shop?.annotation(Wire.Annotation.revertedCommit) == commit)
      await fixture.report(commit, "shop") { $0.message == "rolled back by \(revert.prefix(7))" }
      #expect(await fixture.object(.apps, "web-1.1.0") != nil)
    }
  }

  @Test("reverts a commit once, even if the branch is moved back to that commit")
  func once() async throws {
    let watch = Watch()
    watch.set(9000)
    var settings = Self.settings(watch)
    settings.acceptsRewrittenHistory = true
    try await ReconcilerFixture.open(Self.start, settings: settings) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      let revert = try await Self.pushed(fixture, on: commit)
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == revert }
      try await fixture.engine("shop", app: "web-1.0.0")
      try fixture.user.git("push", "--quiet", "--force", "origin", "\(commit):main")
      await fixture.reconciler.sync()
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
      try await Self.stall(fixture)
      await fixture.reconciler.sync()
      await fixture.rest()
      #expect(try Self.head(fixture) == commit)
    }
  }

  @Test("keeps a concurrent change of the same file, and reports it")
  func movedOn() async throws {
    let watch = Watch()
    try await ReconcilerFixture.open(Self.start, settings: Self.settings(watch)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      let later = try await fixture.push([Self.path: Files.cluster("shop", "1.1.0") + "# Ours.\n"])
      await fixture.reconciled(later)
      watch.set(9000)
      await fixture.reconciler.enqueue()
      let report = await fixture.report(commit, "shop") {
        $0.message?.contains("the daemon cannot revert it automatically") == true
      }
      #expect(report?.message?.contains("\(Self.path) was changed since") == true)
      #expect(try Self.head(fixture) == later)
    }
  }

  @Test("pushes the revert if other files change concurrently")
  func otherFiles() async throws {
    let watch = Watch()
    try await ReconcilerFixture.open(Self.start, settings: Self.settings(watch)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      let later = try await fixture.push(["README.md": "x"])
      await fixture.reconciled(later)
      watch.set(9000)
      await fixture.reconciler.enqueue()
      let revert = try await Self.pushed(fixture, on: later)
      #expect(try fixture.user.head("\(revert)~1") == later)
      await fixture.report(commit, "shop") { $0.message == "rolled back by \(revert.prefix(7))" }
    }
  }

  @Test(
    "reverts only the stalled cluster of several that one commit upgrades", arguments: [true, false])
  func several(isOneFile: Bool) async throws {
    let watch = Watch()
    watch.set(9000)
    @Sendable func files(_ version: String) -> [String: String?] {
      let (shop, depot) = (Files.cluster("shop", version), Files.cluster("depot", version))
      return isOneFile
        ? ["clusters/all.yaml": shop + "---\n" + depot]
        : [Self.path: shop, "clusters/depot.yaml": depot]
    }
    let start = ["apps/1.0.0.json": Files.app("1.0.0"), "apps/1.1.0.json": Files.app("1.1.0")]
      .merging(files("1.0.0")) { $1 }
    try await ReconcilerFixture.open(start, settings: Self.settings(watch)) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      let commit = try await fixture.push(files("1.1.0"))
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
      await fixture.cluster("depot") { $0.annotation(Wire.Annotation.commit) == commit }
      try await Self.stall(fixture)
      let revert = try await Self.pushed(fixture, on: commit)
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == revert }
      await fixture.reconciled(revert)
      #expect(await fixture.object(.clusters, "depot")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }

  @Test("reports a refused push, and neither forces nor retries it")
  func refused() async throws {
    let watch = Watch()
    watch.set(9000)
    let site = try Site()
    let tries = try TemporaryFolder()
    try await ReconcilerFixture.open(Self.start, at: site, settings: Self.settings(watch)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try site.forge.setHook(
        "pre-receive", "echo x >> \(tries.path)/tries; echo 'main is protected' >&2; exit 1")
      try await Self.stall(fixture)
      let report = await fixture.report(commit, "shop") {
        $0.message?.contains("the daemon cannot revert it automatically") == true
      }
      #expect(report?.message?.contains("let the daemon's account push to main") == true)
      for _ in 0..<3 {
        await fixture.reconciler.sync()
        await fixture.rest()
      }
      #expect(try TemporaryRepository.run(["wc", "-l", "\(tries.path)/tries"], in: nil).hasPrefix("1 "))
      #expect(try Self.head(fixture) == commit)
    }
  }

  @Test("pushes nothing past the point of no return, while suspended, or if the daemon is not the leader")
  func never() async throws {
    let watch = Watch()
    watch.set(9000)
    let app = Files.app("1.1.0").replacing(
      "\"name\": \"web-1.1.0\"",
      with: "\"name\": \"web-1.1.0\", \"annotations\": {\"kdops.dev/point-of-no-return\": \"worker\"}")
    try await ReconcilerFixture.open(
      Self.start.merging(["apps/1.1.0.json": app]) { $1 }, settings: Self.settings(watch)
    ) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture, isPast: true)
      await fixture.reconciler.sync()
      await fixture.rest()
      #expect(try Self.head(fixture) == commit)
    }
    try await ReconcilerFixture.open(Self.start, settings: Self.settings(watch, leads: false)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      await fixture.reconciler.sync()
      await fixture.rest()
      #expect(try Self.head(fixture) == commit)
    }
    try await ReconcilerFixture.open(Self.start, settings: Self.settings(watch)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await fixture.patch("shop", ["metadata": ["annotations": [Wire.Annotation.suspend: "true"]]])
      try await Self.stall(fixture)
      await fixture.reconciler.sync()
      await fixture.rest()
      #expect(try Self.head(fixture) == commit)
    }
  }

  @Test("pushes the revert while unrelated objects are blocked, such as an app whose namespace is missing")
  func others() async throws {
    let watch = Watch()
    watch.set(9000)
    let api = MissingNamespaceAPI("ghost")
    let app = Files.app("1.0.0").replacing(
      "\"name\": \"web-1.0.0\"", with: "\"name\": \"web-1.0.0\", \"namespace\": \"ghost\"")
    try await ReconcilerFixture.open(
      Self.start.merging(["apps/ghost.json": app]) { $1 }, settings: Self.settings(watch),
      wrap: { api.placed(before: $0) }
    ) { fixture in
      await fixture.report(try fixture.user.head(), "web-1.0.0") { $0.rules == ["api/notFound"] }
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      let revert = try await Self.pushed(fixture, on: commit)
      #expect(try fixture.user.git("diff", "--name-only", commit, revert) == Self.path)
    }
  }

  @Test("reconciles a commit first that was pushed before the revert")
  func race() async throws {
    let watch = Watch()
    let site = try Site()
    try await ReconcilerFixture.open(Self.start, at: site, settings: Self.settings(watch)) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      // The daemon is not notified: it notices when its own push comes too late.
      let other = try fixture.user.commit([Self.path: Files.cluster("shop", "1.0.0")], "Go back by hand")
      try fixture.user.push()
      watch.set(9000)
      await fixture.reconciler.enqueue()
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == other }
      await fixture.rest()
      #expect(try Self.head(fixture) == other)
      #expect(try fixture.user.head("\(other)~1") == commit)
    }
  }

  @Test("passes the signature gate with its own commits, but not if they are amended")
  func signed() async throws {
    let watch = Watch()
    watch.set(9000)
    let (site, ann, folder) = (try Site(), try SSHSigner(), try TemporaryFolder())
    try ann.sign(in: site.user)
    try ann.line("ann@example.org").write(toFile: "\(folder.path)/signers", atomically: true, encoding: .utf8)
    var settings = Self.settings(watch)
    settings.verify = .range
    settings.checker = SignatureTools(
      SignaturePolicy(mode: .range, allowedSigners: "\(folder.path)/signers"), folder: folder.path)
    try await ReconcilerFixture.open(Self.start, at: site, settings: settings) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      let revert = try await Self.pushed(fixture, on: commit)
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == revert }
      // The same commit message from a different committer does not pass.
      try fixture.user.git("reset", "--quiet", "--hard", revert)
      try fixture.user.git("config", "commit.gpgsign", "false")
      try fixture.user.git("commit", "--quiet", "--amend", "--no-edit", "--date", "2020-01-01T00:00:00Z")
      try fixture.user.push("--force", "main")
      let copy = try fixture.user.head()
      await fixture.reconciler.sync()
      let report = await fixture.report(copy, String(copy.prefix(7)))
      #expect(report?.message?.contains("is not signed") == true)
    }
  }

  @Test(
    "signs the commit with a configured key and author; other daemons accept it if the key is listed",
    arguments: [true, false])
  func signedByKey(isListed: Bool) async throws {
    let (ann, own, site) = (try SSHSigner(), try SSHSigner("kdops"), try Site())
    let folder = try TemporaryFolder()
    let signers = "\(folder.path)/signers"
    let lines = ann.line("ann@example.org") + (isListed ? own.line("kdops@git.example") : "")
    try lines.write(toFile: signers, atomically: true, encoding: .utf8)
    try ann.sign(in: site.user)
    let watch = Watch()
    watch.set(9000)
    var settings = Self.settings(watch)
    settings.autoRevert?.author = ("kdops bot", "kdops@git.example")
    settings.autoRevert?.signer = CommitSigner(key: own.keyFile, folder: folder.path)
    settings.verify = .range
    settings.checker = SignatureTools(
      SignaturePolicy(mode: .range, allowedSigners: signers), folder: folder.path)
    try await ReconcilerFixture.open(Self.start, at: site, settings: settings) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      // The commit also has the daemon's own stamp, so this daemon follows it even if the key is not listed.
      let pushed = try await Self.pushed(fixture, on: commit)
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == pushed }
    }
    let revert = try site.user.head("origin/main")
    #expect(
      try site.user.git("show", "--no-patch", "--format=%an <%ae>", revert)
        == "kdops bot <kdops@git.example>")
    let all = "\(folder.path)/all"
    try own.line("kdops@git.example").write(toFile: all, atomically: true, encoding: .utf8)
    try site.user.git("-c", "gpg.ssh.allowedSignersFile=\(all)", "verify-commit", revert)
    // A daemon with a different stamp key accepts the signature if the key is listed.
    try site.forgetMirror()
    var other = settings
    other.autoRevert = nil
    try await ReconcilerFixture.open(at: site, settings: other, stamp: .numbered(8)) { fixture in
      await until { await fixture.reconciler.signatureCheck?.head.hex == revert ? true : nil }
      #expect((await fixture.reconciler.signatureCheck?.unverified != nil) == !isListed)
    }
  }

  @Test("reports that a manual revert is needed if the signing key is unusable")
  func unusableKey() async throws {
    let folder = try TemporaryFolder()
    let watch = Watch()
    watch.set(9000)
    var settings = Self.settings(watch)
    settings.autoRevert?.signer = CommitSigner(key: "\(folder.path)/none", folder: folder.path)
    try await ReconcilerFixture.open(Self.start, settings: settings) { fixture in
      let commit = try await Self.upgrade(fixture)
      try await Self.stall(fixture)
      let report = await fixture.report(commit, "shop") { $0.message?.contains("automatically") == true }
      let reason = "the commit cannot be signed: commits.sshKey: no signature could be made"
      #expect(report?.message?.contains(reason) == true)
      #expect(try Self.head(fixture) == commit)
    }
  }
}
