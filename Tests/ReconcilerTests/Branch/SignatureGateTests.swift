import ClusterAPI
import GitStore
import KubeDirector
import Reports
import Rules
import Signatures
import TestSupport
import Testing

@testable import Reconciler

@Suite("The signature gate", .timeLimit(.minutes(10)))
struct SignatureGateTests {
  /// An installation whose team signs with one key, and the settings of its daemons.
  private struct SigningTeam {
    let site: Site
    let ann: SSHSigner
    let folder: TemporaryFolder
    var settings = Reconciler.Settings()

    init(_ mode: SignaturePolicy.Mode) throws {
      site = try Site()
      ann = try SSHSigner()
      folder = try TemporaryFolder()
      try ann.sign(in: site.user)
      try allow(ann.line("ann@example.org"))
      settings.verify = mode
      settings.signers = "\(folder.path)/signers"
      settings.checker = SignatureTools(
        SignaturePolicy(mode: mode, allowedSigners: settings.signers), folder: folder.path)
    }

    func allow(_ lines: String) throws {
      try lines.write(toFile: "\(folder.path)/signers", atomically: true, encoding: .utf8)
    }

    func signs(_ isOn: Bool) throws { try site.user.git("config", "commit.gpgsign", "\(isOn)") }

    func open(_ files: [String: String?] = [:], _ body: @Sendable (ReconcilerFixture) async throws -> Void)
      async throws
    {
      try await ReconcilerFixture.open(files, at: site, settings: settings, body)
    }
  }

  private static func commit(_ object: Object?) -> String? { object?.annotation(Wire.Annotation.commit) }

  @Test(
    "blocks an unsigned commit and all commits after it, and keeps what was applied",
    arguments: [true, false])
  func blocked(restarts: Bool) async throws {
    let team = try SigningTeam(.range)
    try await team.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      await fixture.rest()
    }
    let good = try team.site.user.head()
    @Sendable func hold(_ fixture: ReconcilerFixture) async throws {
      try team.signs(false)
      let bad = try await fixture.push(Files.shop(members: 2))
      let report = await fixture.report(bad, String(bad.prefix(7))) { $0.verdict == .rejected }
      #expect(report?.rules == [CommitSigned.id])
      #expect(report?.message?.hasPrefix("\(bad.prefix(7)) is not signed; sign it with a key in") == true)
      #expect(report?.message?.contains("git commit --amend --no-edit -S") == true)
      try team.signs(true)
      let later = try await fixture.push(Files.shop(members: 3))
      let behind = await fixture.report(later, String(later.prefix(7))) { $0.verdict == .waiting }
      #expect(behind?.message?.contains("comes after \(bad.prefix(7)), which is not signed") == true)
      let first = await fixture.report(bad, String(bad.prefix(7))) {
        $0.message?.contains("git rebase") == true
      }
      #expect(first?.message?.contains("--gpg-sign \(bad.prefix(7))~1") == true)
      await fixture.rest()
      #expect(Self.commit(await fixture.object(.clusters, "shop")) == good)
    }
    if restarts { try team.site.forgetMirror() }
    try await team.open { fixture in
      await fixture.reconciled(good)
      try await hold(fixture)
    }
    // Another daemon, which has only the live state, comes to the same result.
    if restarts { try team.site.forgetMirror() }
    try await team.open { fixture in
      await fixture.reconciled(good)
      await fixture.rest()
      #expect(Self.commit(await fixture.object(.clusters, "shop")) == good)
    }
  }

  @Test(
    "blocks a merge if it brings an unsigned commit, and follows it if all are signed",
    arguments: [true, false])
  func merge(isSideSigned: Bool) async throws {
    let team = try SigningTeam(.range)
    try await team.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      await fixture.rest()
      let before = Self.commit(await fixture.object(.clusters, "shop"))
      try fixture.user.git("checkout", "--quiet", "-b", "side")
      try team.signs(isSideSigned)
      let side = try fixture.user.commit(Files.shop(members: 2))
      try team.signs(true)
      try fixture.user.git("checkout", "--quiet", "main")
      try fixture.user.git("merge", "--quiet", "--no-ff", "--gpg-sign", "--message", "Merge", "side")
      let merge = try await fixture.push([:])
      if isSideSigned {
        await fixture.reconciled(merge)
        await fixture.cluster("shop") { Self.commit($0) != before }
      } else {
        let report = await fixture.report(side, String(side.prefix(7))) { $0.verdict == .rejected }
        #expect(report?.message?.contains("is not signed") == true)
        await fixture.report(merge, String(merge.prefix(7))) { $0.verdict == .waiting }
        #expect(Self.commit(await fixture.object(.clusters, "shop")) == before)
      }
    }
  }

  @Test("unblocks commits with the next fetch after their key is added")
  func added() async throws {
    let team = try SigningTeam(.range)
    let eve = try SSHSigner("eve")
    try await team.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      try eve.sign(in: fixture.user)
      let commit = try await fixture.push(Files.shop(members: 2))
      let report = await fixture.report(commit, String(commit.prefix(7)))
      #expect(report?.message?.contains("not among the allowed signers") == true)
      try team.allow(team.ann.line("ann@example.org") + eve.line("eve@example.org"))
      await fixture.reconciler.sync()
      await fixture.cluster("shop") { Self.commit($0) == commit }
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
    }
  }

  @Test("continues from an accepted commit in a daemon elsewhere, even if no live object has it")
  func confirmedElsewhere() async throws {
    let team = try SigningTeam(.range)
    try await team.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      try team.signs(false)
      let bad = try await fixture.push(["README.md": "x"])
      await fixture.report(bad, String(bad.prefix(7))) { $0.verdict == .rejected }
      #expect(await fixture.reconciler.accept(bad))
      await fixture.reconciled(bad)
    }
    try team.site.forgetMirror()
    try await team.open { fixture in
      await fixture.reconciled(try fixture.user.head())
      try team.signs(true)
      let good = try await fixture.push(Files.shop(members: 2))
      await fixture.cluster("shop") { Self.commit($0) == good }
      #expect(await fixture.recorder.blocked.allSatisfy(\.isEmpty))
    }
  }

  @Test(
    "follows the newest signed commit on the first start, and nothing if there is none",
    arguments: [true, false])
  func firstStart(isAnySigned: Bool) async throws {
    let team = try SigningTeam(.range)
    try team.signs(isAnySigned)
    let first = try team.site.user.commit(Files.shops("shop"))
    try team.signs(false)
    let bad = try team.site.user.commit(Files.shop(members: 2))
    try team.site.user.push()
    try await team.open { fixture in
      await fixture.report(bad, String(bad.prefix(7))) { $0.verdict == .rejected }
      if isAnySigned {
        await fixture.cluster("shop") { Self.commit($0) == first }
      } else {
        #expect(await fixture.object(.clusters, "shop") == nil)
      }
    }
  }

  @Test("reports the blocked commit on each cluster that it changes, and keeps updating the status")
  func cluster() async throws {
    let team = try SigningTeam(.range)
    try await team.open(Files.shops("shop", "depot")) { fixture in
      try await fixture.engine("shop")
      try team.signs(false)
      try await fixture.push(Files.shop(members: 2))
      let shop = await until {
        await fixture.recorder.clusters["shop"].flatMap { $0.verdict == .rejected ? $0 : nil }
      }
      #expect(shop?.message?.contains("is not signed") == true)
      #expect(await fixture.recorder.clusters["depot"]?.verdict != .rejected)
    }
  }

  @Test("accepts the daemon's own stamp on that commit only, and no other daemon's stamp")
  func stamps() {
    let text = Array(
      "tree 1\nparent 2\nauthor kdops <k> 1 +0000\ncommitter kdops <k> 1 +0000\n\nGo back\n".utf8)
    let sealed = DaemonCommit.sealed(text, .forTests)
    #expect(DaemonCommit.isOurs(sealed, .forTests))
    #expect(!DaemonCommit.isOurs(text, .forTests))
    #expect(!DaemonCommit.isOurs(sealed, .numbered(8)))
    let elsewhere = String(decoding: sealed, as: UTF8.self).replacing("parent 2", with: "parent 3")
    #expect(!DaemonCommit.isOurs(Array(elsewhere.utf8), .forTests))
    #expect(!DaemonCommit.isOurs(sealed + Array("More\n".utf8), .forTests))
    #expect(!DaemonCommit.isOurs([], .forTests))
  }
}
