import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Waiting changes and remembered verdicts", .timeLimit(.minutes(10)))
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
    "applies a chain in order: an app waits for an upgrade, which waits for the one before"
  )
  func chain() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      _ = try await Self.begin(fixture)
      // The commit adds a third app and removes the first two.
      let third = try await fixture.push(
        Self.shop("1.2.0").merging(["apps/1.0.0.json": nil, "apps/1.1.0.json": nil] as [String: String?]) {
          $1
        })
      #expect(await fixture.report(third, "shop")?.rules == ["rollback/only-prev-app"])
      #expect(await fixture.report(third, "web-1.0.0")?.verdict == .waiting)
      #expect(await fixture.report(third, "web-1.1.0")?.verdict == .waiting)

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

  @Test("says in the note which commit to revert behind a stalled upgrade, and that revert unblocks it")
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

  @Test("reverts the stalled upgrade automatically with fixForward, then applies the third app")
  func fixForward() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: .init(fixesForward: true)) { fixture in
      let before = try #require(await fixture.cluster("shop")).json["spec"]
      let second = try await Self.begin(fixture, stalled: "shop-worker-0: no such image")
      let third = try await fixture.push(Self.shop("1.2.0"))
      // Not within `#require`: the compiler can give the closure the same symbol as the last one.
      let rolledBack = await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      let back = try #require(rolledBack)
      #expect(back.json["spec"] == before)
      #expect(back.annotation(Wire.Annotation.change) == "rollback")
      // Its phase was `failed` before, too, because it was stalled.
      await fixture.report(second, "shop") { $0.message == "rolled back by \(third.prefix(7))" }
      try await fixture.engine(
        "shop", .updating,
        upgrade: UpgradeInfo(isRollingBack: true, prevApp: "web-1.1.0", id: "u"))
      await fixture.report(third, "shop") { $0.rules == ["rollback/once"] }
      try await fixture.engine("shop")
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.2.0" }
    }
  }

  @Test("reports a third app as never applied if it is withdrawn after the automatic rollback")
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
      await fixture.reconciled(last)
      try await fixture.engine("shop")
      let end = await fixture.report(third, "shop") { $0.phase == .failed || $0.phase == .done }
      #expect(end?.message == "withdrawn by \(last.prefix(7)) before it was applied")
    }
  }

  @Test(
    "restores one file only if one of many clusters that a commit upgrades is stalled")
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

  @Test("keeps a deleted app while it is in use, and deletes it when no cluster names it")
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
    "seals upgradable while a cluster that is no longer in git runs the app")
  func sealed() async throws {
    try await ReconcilerFixture.open(Files.shops("shop", "depot")) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      let orphaned = try await fixture.push(["clusters/shop.yaml": nil, "clusters/depot.yaml": nil])
      await fixture.report(orphaned, "shop") { $0.verdict == .orphaned }
      let commit = try await fixture.push(["apps/1.0.0.json": Files.app("1.0.0", upgradable: false)])
      #expect(await fixture.report(commit, "web-1.0.0")?.rules == ["app/upgradable-sealed"])
      for name in ["shop", "depot"] {
        try await fixture.store.delete(.clusters, ObjectName(namespace: "default", name: name), .none)
      }
      await fixture.report(commit, "web-1.0.0") { $0.phase == .done }
      #expect(await fixture.object(.apps, "web-1.0.0")?.json["spec"]?["upgradable"]?.bool == false)
    }
  }

  @Test("seals both apps of a running upgrade")
  func sealedBoth() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      _ = try await Self.begin(fixture)
      let commit = try await fixture.push([
        "apps/1.0.0.json": Files.app("1.0.0", upgradable: false),
        "apps/1.1.0.json": Files.app("1.1.0", upgradable: false),
      ])
      let left = await fixture.report(commit, "web-1.0.0")
      #expect(left?.rules == ["app/upgradable-sealed"] && left?.verdict == .waiting)
      let taken = await fixture.report(commit, "web-1.1.0")
      #expect(taken?.rules == ["app/upgradable-sealed"] && taken?.verdict == .rejected)
      // When the upgrade ends, the old app is no longer in use.
      try await fixture.engine("shop")
      await fixture.report(commit, "web-1.0.0") { $0.verdict == .accepted }
    }
  }

  @Test("delays a change that conflicts with leaving members until they are gone, as its hint says")
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
      #expect(await fixture.report(early, "shop")?.verdict == .rejected)
      try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0", members: 0)])
      await fixture.cluster("shop") { $0.json["spec"]?["roles"]?[0]?["members"]?.integer == 0 }
      try await fixture.engine("shop", .updating, roles: [role])
      let commit = try await fixture.push(["clusters/shop.yaml": larger])
      #expect(await fixture.report(commit, "shop")?.verdict == .waiting)
      try await fixture.engine("shop")
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
    }
  }

  @Test("evaluates a change again that was rejected because of live state when that state changes")
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

  @Test("evaluates a waiting change again when the cluster's state changes, not on every status write")
  func waitingIsCheap() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      _ = try await Self.begin(fixture)
      let third = try await fixture.push(Self.shop("1.2.0"))
      await fixture.report(third, "shop")
      await fixture.reconciled(third)
      let before = await fixture.reconciler.judgedCount
      for _ in 1...5 {
        try await fixture.patch("shop", ["metadata": ["annotations": ["theirs": .string("x")]]])
        try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.0.0"))
        await fixture.rest()
      }
      #expect(await fixture.reconciler.judgedCount == before)
    }
  }

  @Test("forgets a rejected object that is then removed from git")
  func forgotten() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let bad = try await fixture.push(["clusters/new.yaml": Files.cluster("new", "9.9.9")])
      await fixture.report(bad, "new")
      await fixture.reconciled(try await fixture.push(["clusters/new.yaml": nil]))
      #expect(await fixture.reconciler.blocked.isEmpty)
      await until { await fixture.reconciler.ledger.isEmpty ? true : nil }
    }
  }

  @Test(
    "reports a duplicate object on the commit that adds it, also after a restart"
  )
  func duplicate() async throws {
    let site = try Site()
    let repeating = Shared("")
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      let first = try fixture.user.head()
      // Its file name sorts first, so this one counts.
      let commit = try await fixture.push(["clusters/a.yaml": Files.cluster("shop", "1.0.0", members: 2)])
      #expect(await fixture.report(commit, "shop")?.rules == ["object/duplicate"])
      await fixture.reconciled(commit)
      #expect(await fixture.recorder.objects[first]?.contains { $0.verdict == .rejected } == false)
      repeating.value = commit
    }
    try await ReconcilerFixture.open(at: site) { fixture in
      await fixture.reconciled(repeating.value)
      #expect(
        await fixture.reconciler.blocked.contains {
          $0.key.name == "shop" && $0.value.commit.hex == repeating.value
        })
      let corrected = try await fixture.push(["clusters/a.yaml": nil])
      await fixture.reconciled(corrected)
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("reports a duplicate in a later file on the commit that adds it, even if the text is the same")
  func sameAgain() async throws {
    let site = try Site()
    let repeating = Shared("")
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push(["clusters/z.yaml": Files.cluster("shop", "1.0.0")])
      #expect(await fixture.report(commit, "shop")?.rules == ["object/duplicate"])
      await fixture.reconciled(commit)
      repeating.value = commit
    }
    try await ReconcilerFixture.open(at: site) { fixture in
      await fixture.reconciled(repeating.value)
      #expect(
        await fixture.reconciler.blocked.contains {
          $0.key.name == "shop" && $0.value.commit.hex == repeating.value
        })
    }
  }

  @Test("applies the revert of a stuck resize at once, and lets a progressing resize finish first")
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

  @Test("packs the clone of the repository into one pack when too many files have accumulated")
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
      // The clone is read as before.
      let commit = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0", members: 2)])
      #expect(await fixture.report(commit, "shop") != nil)
    }
  }

  @Test("lets a running upgrade finish with fixForward if it is not stalled")
  func fixForwardPatience() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: .init(fixesForward: true)) { fixture in
      _ = try await Self.begin(fixture)
      let third = try await fixture.push(Self.shop("1.2.0"))
      #expect(await fixture.report(third, "shop")?.verdict == .waiting)
      await fixture.rest()
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }
}
