import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Changes that wait, and changes that are remembered", .timeLimit(.minutes(10)))
struct WaitingTests {
  private static func upgrade(from old: String) -> UpgradeInfo {
    UpgradeInfo(isRollingBack: false, prevApp: "web-\(old)", id: "u")
  }

  private static func shop(_ version: String) -> [String: String?] {
    ["apps/\(version).json": Files.app(version), "clusters/shop.yaml": Files.cluster("shop", version)]
  }

  /// Brings the cluster into the middle of its upgrade from 1.0.0 to 1.1.0.
  private static func begin(_ fixture: ReconcilerFixture, stalled: String? = nil) async throws -> String {
    try await fixture.engine("shop")
    let commit = try await fixture.push(shop("1.1.0"))
    await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
    try await fixture.engine("shop", .updating, upgrade: upgrade(from: "1.0.0"), stalled: stalled)
    return commit
  }

  @Test(
    "a chain: an app waits for the upgrade that leaves it, that one waits for the one before, and all come in turn"
  )
  func chain() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      _ = try await Self.begin(fixture)
      // A third app, and with it the first two go.
      let third = try await fixture.push(
        Self.shop("1.2.0").merging(["apps/1.0.0.json": nil, "apps/1.1.0.json": nil] as [String: String?]) {
          $1
        })
      #expect(await fixture.report(third, "shop")?.rules == ["rollback/only-prev-app"])
      #expect(await fixture.report(third, "web-1.0.0")?.verdict == "waiting")
      #expect(await fixture.report(third, "web-1.1.0")?.verdict == "waiting")

      try await fixture.engine("shop", app: "web-1.1.0")
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.2.0" }
      await until { await fixture.object(.apps, "web-1.0.0") == nil ? true : nil }
      #expect(await fixture.object(.apps, "web-1.1.0") != nil)
      try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.1.0"))
      await fixture.rest()
      #expect(await fixture.object(.apps, "web-1.1.0") != nil)
      try await fixture.engine("shop")
      await until { await fixture.object(.apps, "web-1.1.0") == nil ? true : nil }
      await fixture.report(third, "shop") { $0.phase == .done }
    }
  }

  @Test("behind a stalled upgrade the note says what to revert, and that revert is the way out")
  func stalled() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      let second = try await Self.begin(fixture, stalled: "shop-worker-0: no such image")
      let third = try await fixture.push(Self.shop("1.2.0"))
      let report = await fixture.report(third, "shop")
      #expect(
        report?.message?.contains("waits for a stalled upgrade; revert `\(second.prefix(7))` first") == true)
      let revert = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0")])
      let shop = await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      #expect(shop?.annotation(Wire.Annotation.commit) == revert)
      let withdrawn = await fixture.report(third, "shop") { $0.phase == .failed }
      #expect(withdrawn?.message?.contains(revert.prefix(7)) == true)
    }
  }

  @Test("with fixForward the stalled upgrade is taken back by itself, and then the third app's turn comes")
  func fixForward() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: .init(fixesForward: true)) { fixture in
      let before = try #require(await fixture.cluster("shop")).json["spec"]
      let second = try await Self.begin(fixture, stalled: "shop-worker-0: no such image")
      let third = try await fixture.push(Self.shop("1.2.0"))
      let back = try #require(
        await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" })
      #expect(back.json["spec"] == before)
      #expect(back.annotation(Wire.Annotation.change) == "rollback")
      // It was failed before as well: stalled.
      await fixture.report(second, "shop") { $0.message == "rolled back by \(third.prefix(7))" }
      try await fixture.engine(
        "shop", .updating,
        upgrade: UpgradeInfo(isRollingBack: true, prevApp: "web-1.1.0", id: "u"))
      await fixture.report(third, "shop") { $0.rules == ["rollback/once"] }
      try await fixture.engine("shop")
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.2.0" }
    }
  }

  @Test("a third app that is given up after that was never applied, whatever was done for it")
  func fixForwardGivenUp() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: .init(fixesForward: true)) { fixture in
      _ = try await Self.begin(fixture, stalled: "shop-worker-0: no such image")
      let third = try await fixture.push(Self.shop("1.2.0"))
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      try await fixture.engine(
        "shop", .updating,
        upgrade: UpgradeInfo(isRollingBack: true, prevApp: "web-1.1.0", id: "u"))
      await fixture.report(third, "shop") { $0.rules == ["rollback/once"] }
      let last = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0")])
      await fixture.worked(last)
      try await fixture.engine("shop")
      let end = await fixture.report(third, "shop") { $0.phase == .failed || $0.phase == .done }
      #expect(end?.message == "withdrawn by \(last.prefix(7)) before it was applied")
    }
  }

  @Test("with fixForward an upgrade that runs and is not stalled is left to its end")
  func fixForwardPatience() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: .init(fixesForward: true)) { fixture in
      _ = try await Self.begin(fixture)
      let third = try await fixture.push(Self.shop("1.2.0"))
      #expect(await fixture.report(third, "shop")?.verdict == "waiting")
      await fixture.rest()
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }

  @Test(
    "of one commit that upgrades many clusters one stalls: its file alone is restored, and the others stay")
  func oneOfMany() async throws {
    try await ReconcilerFixture.open(Files.shops("a", "b", "c")) { fixture in
      for name in ["a", "b", "c"] { try await fixture.engine(name) }
      var change: [String: String?] = ["apps/1.1.0.json": Files.app("1.1.0")]
      for name in ["a", "b", "c"] { change["clusters/\(name).yaml"] = Files.cluster(name, "1.1.0") }
      let commit = try await fixture.push(change)
      for name in ["a", "b", "c"] {
        await fixture.cluster(name) { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      }
      try await fixture.engine("a")
      try await fixture.engine("b")
      try await fixture.engine(
        "c", .updating, upgrade: Self.upgrade(from: "1.0.0"), stalled: "c-worker-0: no such image")
      await fixture.report(commit, "c") { $0.phase == .failed }
      await fixture.report(commit, "b") { $0.phase == .done }
      let restore = try await fixture.push(["clusters/c.yaml": Files.cluster("c", "1.0.0")])
      await fixture.cluster("c") { $0.annotation(Wire.Annotation.commit) == restore }
      for name in ["a", "b"] {
        #expect(await fixture.object(.clusters, name)?.annotation(Wire.Annotation.commit) == commit)
      }
    }
  }

  @Test("an app deleted while in use is kept, and goes when no cluster names it any more")
  func appInUse() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push(["apps/1.0.0.json": nil])
      #expect(await fixture.report(commit, "web-1.0.0")?.rules == ["app/in-use"])
      #expect(await fixture.object(.apps, "web-1.0.0") != nil)
      try await fixture.push(Self.shop("1.1.0"))
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.0.0"))
      await fixture.rest()
      #expect(await fixture.object(.apps, "web-1.0.0") != nil)
      try await fixture.engine("shop")
      await until { await fixture.object(.apps, "web-1.0.0") == nil ? true : nil }
    }
  }

  @Test(
    "upgradable is sealed while a cluster that git no longer holds runs the app, and after that it is not")
  func sealed() async throws {
    try await ReconcilerFixture.open(Files.shops("shop", "depot")) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      let orphaned = try await fixture.push(["clusters/shop.yaml": nil, "clusters/depot.yaml": nil])
      await fixture.report(orphaned, "shop") { $0.verdict == "orphaned" }
      let commit = try await fixture.push(["apps/1.0.0.json": Files.app("1.0.0", upgradable: false)])
      #expect(await fixture.report(commit, "web-1.0.0")?.rules == ["app/upgradable-sealed"])
      for name in ["shop", "depot"] {
        try await fixture.store.delete(.clusters, ObjectName(namespace: "default", name: name), .none)
      }
      await fixture.report(commit, "web-1.0.0") { $0.phase == .done }
      #expect(await fixture.object(.apps, "web-1.0.0")?.json["spec"]?["upgradable"]?.bool == false)
    }
  }

  @Test("both apps of a running upgrade are sealed")
  func sealedBoth() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      _ = try await Self.begin(fixture)
      let commit = try await fixture.push([
        "apps/1.0.0.json": Files.app("1.0.0", upgradable: false),
        "apps/1.1.0.json": Files.app("1.1.0", upgradable: false),
      ])
      let left = await fixture.report(commit, "web-1.0.0")
      #expect(left?.rules == ["app/upgradable-sealed"] && left?.verdict == "waiting")
      let taken = await fixture.report(commit, "web-1.1.0")
      #expect(taken?.rules == ["app/upgradable-sealed"] && taken?.verdict == "rejected")
      // The upgrade ends, and with it the use of the one that is left.
      try await fixture.engine("shop")
      await fixture.report(commit, "web-1.0.0") { $0.verdict == "accepted" }
    }
  }

  @Test("a change that the last members of a role stand against waits until they have gone, as its hint says")
  func leaving() async throws {
    let files = Files.shops().merging([
      "apps/1.0.0.json": Files.app("1.0.0", cardinality: "0+"),
      "clusters/shop.yaml": Files.cluster("shop", "1.0.0"),
    ]) { $1 }
    let member = MemberStatus(pod: "shop-worker-0", nodeID: 1, state: .deleting, app: "web-1.0.0")
    let role = RoleStatus(id: "worker", statefulSet: "shop-worker", members: [member])
    let larger = Files.cluster("shop", "1.0.0", members: 0).replacing("64Mi", with: "128Mi")
    try await ReconcilerFixture.open(files) { fixture in
      try await fixture.engine("shop", roles: [role])
      let early = try await fixture.push(["clusters/shop.yaml": larger])
      #expect(await fixture.report(early, "shop")?.verdict == "rejected")
      try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0", members: 0)])
      await fixture.cluster("shop") { $0.json["spec"]?["roles"]?[0]?["members"]?.integer == 0 }
      try await fixture.engine("shop", .updating, roles: [role])
      let commit = try await fixture.push(["clusters/shop.yaml": larger])
      #expect(await fixture.report(commit, "shop")?.verdict == "waiting")
      try await fixture.engine("shop")
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
    }
  }

  @Test("what was rejected because of what lives is judged again when that changes, as a restart would")
  func rejectedByLife() async throws {
    let members = (0..<2).map {
      MemberStatus(pod: "shop-worker-\($0)", nodeID: $0 + 1, state: .configured, app: "web-1.0.0")
    }
    let role = RoleStatus(id: "worker", statefulSet: "shop-worker", members: members)
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop", roles: [role])
      let commit = try await fixture.push([
        "apps/1.1.0.json": Files.app("1.1.0", cardinality: "1"),
        "clusters/shop.yaml": Files.cluster("shop", "1.1.0"),
      ])
      #expect(await fixture.report(commit, "shop")?.rules == ["upgrade/cardinality"])
      try await fixture.engine(
        "shop", roles: [RoleStatus(id: "worker", statefulSet: "shop-worker", members: [members[0]])])
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
    }
  }

  @Test("a bad commit is remembered: neither later heads nor rounds judge it again, until one touches it")
  func remembered() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let bad = try await fixture.push(["clusters/new.yaml": Files.cluster("new", "9.9.9")])
      #expect(await fixture.report(bad, "new")?.verdict == "rejected")
      await fixture.worked(bad)
      let before = await fixture.reconciler.judgements
      for number in 1...3 {
        await fixture.worked(try await fixture.push(["README.md": "\(number)"]))
        try await fixture.engine("shop")
      }
      #expect(await fixture.reconciler.judgements == before)
      // What it lacked comes with another commit.
      let app = try await fixture.push(["apps/9.9.9.json": Files.app("9.9.9")])
      await fixture.cluster("new")
      await fixture.worked(app)
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("what waits is judged again when its cluster's state changes, and not with each word of its status")
  func waitingIsCheap() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      _ = try await Self.begin(fixture)
      let third = try await fixture.push(Self.shop("1.2.0"))
      await fixture.report(third, "shop")
      await fixture.worked(third)
      let before = await fixture.reconciler.judgements
      for _ in 1...5 {
        try await fixture.patch("shop", ["metadata": ["annotations": ["theirs": .string("x")]]])
        try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.0.0"))
        await fixture.rest()
      }
      #expect(await fixture.reconciler.judgements == before)
    }
  }

  @Test("what was rejected and is then taken out of git again is forgotten")
  func forgotten() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let bad = try await fixture.push(["clusters/new.yaml": Files.cluster("new", "9.9.9")])
      await fixture.report(bad, "new")
      await fixture.worked(try await fixture.push(["clusters/new.yaml": nil]))
      #expect(await fixture.reconciler.blocked.isEmpty)
      await until { await fixture.reconciler.ledger.isEmpty ? true : nil }
    }
  }

  @Test(
    "of an object that is written twice the commit that repeats it is told, also by a daemon that begins anew"
  )
  func duplicate() async throws {
    let site = try Site()
    let repeating = Shared("")
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      let first = try fixture.user.head()
      // By name it comes first, and so it is the one that counts.
      let commit = try await fixture.push(["clusters/a.yaml": Files.cluster("shop", "1.0.0", members: 2)])
      #expect(await fixture.report(commit, "shop")?.rules == ["object/duplicate"])
      await fixture.worked(commit)
      #expect(await fixture.recorder.objects[first]?.contains { $0.verdict == "rejected" } == false)
      repeating.value = commit
    }
    try await ReconcilerFixture.open(at: site) { fixture in
      await fixture.worked(repeating.value)
      #expect(
        await fixture.reconciler.blocked.contains {
          $0.key.name == "shop" && $0.value.commit.hex == repeating.value
        })
      let mended = try await fixture.push(["clusters/a.yaml": nil])
      await fixture.worked(mended)
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("the same where what is repeated is the very same text, behind the first")
  func sameAgain() async throws {
    let site = try Site()
    let repeating = Shared("")
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push(["clusters/z.yaml": Files.cluster("shop", "1.0.0")])
      #expect(await fixture.report(commit, "shop")?.rules == ["object/duplicate"])
      await fixture.worked(commit)
      repeating.value = commit
    }
    try await ReconcilerFixture.open(at: site) { fixture in
      await fixture.worked(repeating.value)
      #expect(
        await fixture.reconciler.blocked.contains {
          $0.key.name == "shop" && $0.value.commit.hex == repeating.value
        })
    }
  }

  @Test("a resize whose members do not come is taken back by its revert; one that goes on is waited for")
  func stuckResize() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0", members: 3)])
      await fixture.cluster("shop") { $0.json["spec"]?["roles"]?[0]?["members"]?.integer == 3 }
      try await fixture.engine("shop", .updating)
      let revert = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0")])
      #expect(await fixture.report(revert, "shop")?.rules == ["cluster/busy"])
      try await fixture.engine("shop", .updating, stalled: "shop-worker-1: no such image")
      await fixture.cluster("shop") { $0.json["spec"]?["roles"]?[0]?["members"]?.integer == 1 }
    }
  }

  @Test("our copy of the repository is put into one pack when too many files have come together")
  func compaction() async throws {
    let site = try Site()
    var files = Files.shops("shop")
    for number in 0..<2100 { files["notes/\(number).txt"] = "\(number)" }
    try await ReconcilerFixture.open(files, at: site) { fixture in
      await fixture.cluster("shop")
      await until {
        (try? TemporaryRepository.run(["ls", site.mirror + "/objects/pack"], in: nil))
          .flatMap { $0.contains(".pack") ? true : nil }
      }
      // And it is read as before.
      let commit = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0", members: 2)])
      #expect(await fixture.report(commit, "shop") != nil)
    }
  }
}
