import ClusterAPI
import GitStore
import KubeDirector
import Rules
import Signatures
import StatusWriter
import TestSupport
import Testing

@testable import Reconciler

@Suite("Signatures on commits", .timeLimit(.minutes(10)))
struct TrustTests {
  /// A site whose team signs by one key, and what a daemon there is told.
  private struct Town {
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

    func open(_ files: [String: String?] = [:], _ body: @Sendable (House) async throws -> Void) async throws {
      try await House.open(files, at: site, settings: settings, body)
    }
  }

  private static func shop(members: Int) -> [String: String?] {
    ["clusters/shop.yaml": Files.cluster("shop", "1.0.0", members: members)]
  }

  private static func commit(_ object: Object?) -> String? { object?.annotation(Wire.Annotation.commit) }

  @Test(
    "a commit that is not signed is held with all after it; what was applied stays", arguments: [true, false])
  func blocked(restarts: Bool) async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      await house.rest()
    }
    let good = try town.site.user.head()
    @Sendable func hold(_ house: House) async throws {
      try town.signs(false)
      let bad = try await house.push(Self.shop(members: 2))
      let report = await house.report(bad, String(bad.prefix(7))) { $0.verdict == "rejected" }
      #expect(report?.rules == [CommitSigned.id])
      #expect(report?.message?.hasPrefix("\(bad.prefix(7)) is not signed; sign it with a key in") == true)
      #expect(report?.message?.contains("git commit --amend --no-edit -S") == true)
      try town.signs(true)
      let later = try await house.push(Self.shop(members: 3))
      let behind = await house.report(later, String(later.prefix(7))) { $0.verdict == "waiting" }
      #expect(behind?.message?.contains("comes after \(bad.prefix(7)), which is not signed") == true)
      let first = await house.report(bad, String(bad.prefix(7))) {
        $0.message?.contains("git rebase") == true
      }
      #expect(first?.message?.contains("--gpg-sign \(bad.prefix(7))~1") == true)
      await house.rest()
      #expect(Self.commit(await house.object(.clusters, "shop")) == good)
    }
    if restarts { try town.site.forgetMirror() }
    try await town.open { house in
      await house.worked(good)
      try await hold(house)
    }
    // Another daemon, which only knows what lives, sees the same.
    if restarts { try town.site.forgetMirror() }
    try await town.open { house in
      await house.worked(good)
      await house.rest()
      #expect(Self.commit(await house.object(.clusters, "shop")) == good)
    }
  }

  @Test("with `head` a signed commit answers for those before it")
  func head() async throws {
    let town = try Town(.head)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      try town.signs(false)
      let bad = try await house.push(Self.shop(members: 2))
      await house.report(bad, String(bad.prefix(7))) { $0.verdict == "rejected" }
      try town.signs(true)
      let good = try await house.push(["README.md": "x"])
      let shop = await house.cluster("shop") { Self.commit($0) == bad }
      #expect(shop != nil)
      await house.worked(good)
      // Its note no longer says that it was held.
      await until {
        await house.told.objects[bad]?.contains { $0.name == bad.prefix(7) } == false ? true : nil
      }
    }
  }

  @Test("what comes before a commit that is held is followed, however it was pushed")
  func together() async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      let good = try house.user.commit(Self.shop(members: 2))
      try town.signs(false)
      let bad = try await house.push(Self.shop(members: 3))
      await house.report(bad, String(bad.prefix(7))) { $0.verdict == "rejected" }
      await house.cluster("shop") { Self.commit($0) == good }
    }
  }

  @Test(
    "a merge is held for what it brings, and followed where all of that is signed", arguments: [true, false])
  func merge(isSideSigned: Bool) async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      await house.rest()
      let before = Self.commit(await house.object(.clusters, "shop"))
      try house.user.git("checkout", "--quiet", "-b", "side")
      try town.signs(isSideSigned)
      let side = try house.user.commit(Self.shop(members: 2))
      try town.signs(true)
      try house.user.git("checkout", "--quiet", "main")
      try house.user.git("merge", "--quiet", "--no-ff", "--gpg-sign", "--message", "Merge", "side")
      let merge = try await house.push([:])
      if isSideSigned {
        await house.worked(merge)
        await house.cluster("shop") { Self.commit($0) != before }
      } else {
        let report = await house.report(side, String(side.prefix(7))) { $0.verdict == "rejected" }
        #expect(report?.message?.contains("is not signed") == true)
        await house.report(merge, String(merge.prefix(7))) { $0.verdict == "waiting" }
        #expect(Self.commit(await house.object(.clusters, "shop")) == before)
      }
    }
  }

  @Test("a key that is added releases what was held for want of it, with the next fetch")
  func added() async throws {
    let town = try Town(.range)
    let eve = try SSHSigner("eve")
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      try eve.sign(in: house.user)
      let commit = try await house.push(Self.shop(members: 2))
      let report = await house.report(commit, String(commit.prefix(7)))
      #expect(report?.message?.contains("not among the allowed signers") == true)
      try town.allow(town.ann.line("ann@example.org") + eve.line("eve@example.org"))
      await house.reconciler.sync()
      await house.cluster("shop") { Self.commit($0) == commit }
      await house.report(commit, "shop") { $0.verdict == "accepted" }
    }
  }

  @Test("a commit that was signed anew takes the place of the one that was held")
  func amended() async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      try town.signs(false)
      let bad = try await house.push(Self.shop(members: 2))
      await house.report(bad, String(bad.prefix(7)))
      try house.user.git("commit", "--quiet", "--amend", "--no-edit", "--gpg-sign")
      try house.user.push("--force", "main")
      let good = try house.user.head()
      await house.reconciler.sync()
      await house.cluster("shop") { Self.commit($0) == good }
    }
  }

  @Test("an administrator lets a commit pass, and those after it are held to the rule again")
  func confirmed() async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      try town.signs(false)
      let bad = try await house.push(Self.shop(members: 2))
      await house.report(bad, String(bad.prefix(7)))
      #expect(await house.reconciler.accept(bad))
      await house.cluster("shop") { Self.commit($0) == bad }
      let next = try await house.push(Self.shop(members: 3))
      await house.report(next, String(next.prefix(7))) { $0.verdict == "rejected" }
      #expect(Self.commit(await house.object(.clusters, "shop")) == bad)
    }
  }

  @Test("what an administrator let pass is gone on from by a daemon elsewhere, though nothing lives by it")
  func confirmedElsewhere() async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop")) { house in
      try await house.engine("shop")
      try town.signs(false)
      let bad = try await house.push(["README.md": "x"])
      await house.report(bad, String(bad.prefix(7))) { $0.verdict == "rejected" }
      #expect(await house.reconciler.accept(bad))
      await house.worked(bad)
    }
    try town.site.forgetMirror()
    try await town.open { house in
      await house.worked(try house.user.head())
      try town.signs(true)
      let good = try await house.push(Self.shop(members: 2))
      await house.cluster("shop") { Self.commit($0) == good }
      #expect(await house.told.blocked.allSatisfy(\.isEmpty))
    }
  }

  @Test(
    "a first start follows the newest signed commit, and nothing where there is none",
    arguments: [true, false])
  func firstStart(isAnySigned: Bool) async throws {
    let town = try Town(.range)
    try town.signs(isAnySigned)
    let first = try town.site.user.commit(Files.shops("shop"))
    try town.signs(false)
    let bad = try town.site.user.commit(Self.shop(members: 2))
    try town.site.user.push()
    try await town.open { house in
      await house.report(bad, String(bad.prefix(7))) { $0.verdict == "rejected" }
      if isAnySigned {
        await house.cluster("shop") { Self.commit($0) == first }
      } else {
        #expect(await house.object(.clusters, "shop") == nil)
      }
    }
  }

  @Test("of a cluster that a held commit would change it is said as well, and the status goes on")
  func cluster() async throws {
    let town = try Town(.range)
    try await town.open(Files.shops("shop", "depot")) { house in
      try await house.engine("shop")
      try town.signs(false)
      try await house.push(Self.shop(members: 2))
      let shop = await until {
        await house.told.clusters["shop"].flatMap { $0.verdict == "rejected" ? $0 : nil }
      }
      #expect(shop?.message?.contains("is not signed") == true)
      #expect(await house.told.clusters["depot"]?.verdict != "rejected")
    }
  }

  @Test("a stamp of our own stands for the very commit; nobody else's does, and no copy of it elsewhere")
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
