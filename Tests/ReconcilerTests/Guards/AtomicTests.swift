import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("atomic: commit", .timeLimit(.minutes(10)))
struct AtomicTests {
  private static let atomic = Reconciler.Settings(isAtomic: true)

  private static func labelled(_ name: String) -> String {
    Files.cluster(name, "1.0.0", "labels: {pass: \"2\"}")
  }

  /// A cluster that is always rejected, because its app is not registered.
  private static func unsound(_ name: String) -> String { Files.cluster(name, "9.9.9") }

  @Test("applies nothing of a commit with one rejected object, and names that object in the note")
  func rejected() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: Self.atomic) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push([
        "clusters/shop.yaml": Self.labelled("shop"), "clusters/new.yaml": Self.unsound("new"),
        "apps/1.1.0.json": Files.app("1.1.0"),
      ])
      let report = await fixture.report(commit, "shop")
      #expect(report?.verdict == .rejected)
      #expect(report?.rules == ["commit/atomic"])
      #expect(report?.message?.contains("default/new") == true)
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "shop")?.label("pass") == nil)
      #expect(await fixture.object(.apps, "web-1.1.0") == nil)

      // When that object is fixed, all of them are applied, each attributed to the commit that contains it.
      let corrected = try await fixture.push(["clusters/new.yaml": Files.cluster("new", "1.0.0")])
      await fixture.cluster("new")
      let shop = await fixture.cluster("shop") { $0.label("pass") == "2" }
      #expect(shop?.annotation(Wire.Annotation.commit) == commit)
      await fixture.reconciled(corrected)
      #expect(await fixture.object(.apps, "web-1.1.0") != nil)
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("blocks a commit with an unreadable file, also after a restart")
  func brokenFile() async throws {
    let site = try Site()
    let change: [String: String?] = [
      "clusters/shop.yaml": Self.labelled("shop"), "clusters/new.yaml": "kind: [\n",
    ]
    try await ReconcilerFixture.open(Files.shops("shop"), at: site, settings: Self.atomic) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push(change)
      #expect(await fixture.report(commit, "shop")?.message?.contains("clusters/new.yaml") == true)
      await fixture.reconciled(commit)
    }
    try await ReconcilerFixture.open(at: site, settings: Self.atomic) { fixture in
      let commit = try fixture.user.head()
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "shop")?.label("pass") == nil)
      try await fixture.push(["clusters/new.yaml": nil])
      await fixture.cluster("shop") { $0.label("pass") == "2" }
    }
  }

  @Test("blocks a whole commit while one of its objects waits, then applies it as a whole")
  func waiting() async throws {
    try await ReconcilerFixture.open(Files.shops("shop", "depot"), settings: Self.atomic) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot", .updating)
      let commit = try await fixture.push([
        "clusters/shop.yaml": Self.labelled("shop"),
        "clusters/depot.yaml": Files.cluster("depot", "1.0.0", members: 2),
      ])
      let report = await fixture.report(commit, "shop")
      #expect(report?.verdict == .waiting)
      #expect(report?.rules == ["commit/atomic"])
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "shop")?.label("pass") == nil)
      try await fixture.engine("depot")
      await fixture.cluster("shop") { $0.label("pass") == "2" }
      await fixture.cluster("depot") { $0.annotation(Wire.Annotation.commit) == commit }
    }
  }

  @Test(
    "applies the cluster first, then the app, if a commit edits the app that its cluster leaves")
  func editedApp() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: Self.atomic) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push([
        "apps/1.0.0.json": Files.app("1.0.0", image: "fixed"), "apps/1.1.0.json": Files.app("1.1.0"),
        "clusters/shop.yaml": Files.cluster("shop", "1.1.0"),
      ])
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      #expect(await fixture.report(commit, "web-1.0.0")?.rules == ["app/in-use"])
      try await fixture.engine("shop")
      await fixture.report(commit, "web-1.0.0") { $0.verdict == .accepted }
    }
  }

  @Test("never blocks a rollback, and blocks nothing for an app that waits for the rollback's end")
  func rollback() async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), settings: Self.atomic) { fixture in
      try await fixture.engine("shop")
      let upgrade = try await fixture.push(Files.upgradeOfShop)
      await fixture.report(upgrade, "shop")
      try await fixture.engine(
        "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"))
      let revert = try await fixture.push([
        "apps/1.1.0.json": nil, "clusters/shop.yaml": Files.cluster("shop", "1.0.0"),
        "clusters/new.yaml": Self.unsound("new"),
      ])
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.change) == "rollback" }
      #expect(await fixture.report(revert, "new")?.verdict == .rejected)
      #expect(await fixture.report(revert, "web-1.1.0")?.rules == ["app/in-use"])
    }
  }
}
