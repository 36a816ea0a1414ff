import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("history: stepwise", .timeLimit(.minutes(10)))
struct StepwiseTests {
  private static let stepwise = Reconciler.Settings(history: .stepwise)

  /// An app in three versions. A cluster has the first one.
  private static let start = Files.shops("shop").merging([
    "apps/1.1.0.json": Files.app("1.1.0"), "apps/1.2.0.json": Files.app("1.2.0"),
  ]) { $1 }

  private static func shop(_ version: String, members: Int = 1) -> [String: String?] {
    ["clusters/shop.yaml": Files.cluster("shop", version, members: members)]
  }

  private static func upgrade(from old: String) -> UpgradeInfo {
    UpgradeInfo(isRollingBack: false, prevApp: "web-\(old)", id: "u")
  }

  @Test("starts the second of two upgrades in one push when the first has ended")
  func twoUpgrades() async throws {
    try await ReconcilerFixture.open(Self.start, settings: Self.stepwise) { fixture in
      try await fixture.engine("shop")
      let first = try fixture.user.commit(Self.shop("1.1.0"))
      let second = try await fixture.push(Self.shop("1.2.0"))
      let shop = await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      #expect(shop?.annotation(Wire.Annotation.commit) == first)
      try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.0.0"))
      await fixture.rest()
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
      try await fixture.engine("shop")
      await fixture.report(first, "shop") { $0.phase == .done }
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == second }
    }
  }

  @Test("rejects a bad commit in between, and continues with the next")
  func badCommit() async throws {
    try await ReconcilerFixture.open(Self.start, settings: Self.stepwise) { fixture in
      try await fixture.engine("shop")
      let bad = try fixture.user.commit(["clusters/shop.yaml": "kind: [\n"])
      let unreadable = try fixture.user.commit([".kdops.yaml": "apps: 7\n"])
      let third = try await fixture.push(
        Self.shop("1.1.0").merging([".kdops.yaml": nil] as [String: String?]) { $1 })
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == third }
      #expect(await fixture.report(bad, "clusters/shop.yaml")?.rules == ["file/syntax"])
      #expect(await fixture.report(unreadable, ".kdops.yaml")?.rules == ["layout/schema"])
    }
  }

  @Test("applies a pending revert without waiting until there is nothing left to roll back")
  func revert() async throws {
    try await ReconcilerFixture.open(Self.start, settings: Self.stepwise) { fixture in
      try await fixture.engine("shop")
      try await fixture.push(Self.shop("1.1.0"))
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.0.0"))
      try fixture.user.commit(["README.md": "x"])
      let revert = try await fixture.push(Self.shop("1.0.0"))
      let shop = await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      #expect(shop?.annotation(Wire.Annotation.commit) == revert)
      #expect(shop?.annotation(Wire.Annotation.change) == "rollback")
    }
  }

  @Test("continues past a stalled upgrade, and reaches the commit that fixes it")
  func stalled() async throws {
    let files = Self.start.merging(["clusters/depot.yaml": Files.cluster("depot", "1.0.0")]) { $1 }
    try await ReconcilerFixture.open(files, settings: Self.stepwise) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      try await fixture.push(Self.shop("1.1.0"))
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine(
        "shop", .updating, upgrade: Self.upgrade(from: "1.0.0"), stalled: "shop-worker-0: no such image")
      let third = try fixture.user.commit(Self.shop("1.2.0"))
      let other = try fixture.user.commit([
        "clusters/depot.yaml": Files.cluster("depot", "1.0.0", members: 2)
      ])
      try await fixture.push(["README.md": "x"])
      await fixture.cluster("depot") { $0.annotation(Wire.Annotation.commit) == other }
      let report = await fixture.report(third, "shop")
      #expect(report?.rules == ["rollback/only-prev-app"])
      #expect(report?.message?.contains("waits for a stalled upgrade") == true)
    }
  }

  @Test(
    "continues after a restart where the last daemon stopped, and skips no version",
    arguments: [false, true], [false, true])
  func restart(isElsewhere: Bool, isRecorded: Bool) async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Self.start, at: site, settings: Self.stepwise) { fixture in
      try await fixture.engine("shop")
      try fixture.user.commit(Self.shop("1.1.0"))
      try await fixture.push(Self.shop("1.2.0"))
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine("shop", .updating, upgrade: Self.upgrade(from: "1.0.0"))
      await fixture.rest()
    }
    if isElsewhere { try site.forgetMirror() }
    if !isRecorded { try await site.forgetRecords() }
    try await ReconcilerFixture.open(at: site, settings: Self.stepwise) { fixture in
      let second = try fixture.user.head()
      await fixture.reconciled(try fixture.user.head("HEAD~1"))
      await fixture.rest()
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
      try await fixture.engine("shop")
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == second }
    }
  }

  @Test(
    "does not recreate an object that was deleted before a restart on another machine",
    arguments: [false, true])
  func nothingComesBack(isRecorded: Bool) async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Self.start, at: site, settings: Self.stepwise) { fixture in
      try await fixture.engine("shop")
      try fixture.user.commit(["apps/1.3.0.json": Files.app("1.3.0")])
      let gone = try await fixture.push(["apps/1.3.0.json": nil])
      await fixture.reconciled(gone)
      #expect(await fixture.object(.apps, "web-1.3.0") == nil)
    }
    try site.forgetMirror()
    if !isRecorded { try await site.forgetRecords() }
    let counting = MutatingWebhookAPI(isInactive: true)
    try await ReconcilerFixture.open(
      at: site, settings: Self.stepwise, wrap: { counting.placed(before: $0) }
    ) { fixture in
      await fixture.reconciled(try fixture.user.head())
      #expect(await fixture.object(.clusters, "shop") != nil)
      #expect(await fixture.object(.apps, "web-1.3.0") == nil)
    }
  }
}
