import ClusterAPI
import KubeDirector
import Reports
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Requests that the cluster refuses", .timeLimit(.minutes(10)))
struct RefusalTests {
  @Test("waits for a missing namespace without rejecting the file, then applies everything")
  func namespace() async throws {
    let api = MissingNamespaceAPI()
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      let commit = try fixture.user.head()
      let report = await fixture.report(commit, "shop") { $0.verdict == .waiting }
      #expect(report?.rules == ["apply/app-pending"])
      #expect(await fixture.report(commit, "web-1.0.0")?.rules == ["api/notFound"])
      #expect(report?.message?.contains("kubectl create namespace default") == true)

      api.makeNamespace()
      await fixture.cluster("shop")
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
    }
  }

  @Test("waits for an app that cannot be written, and upgrades its cluster only afterwards")
  func appFirst() async throws {
    let api = AppRefusingAPI()
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await fixture.rest()
      api.refuse(.unavailable)
      let commit = try await fixture.push(Files.upgradeOfShop)
      let report = await fixture.report(commit, "shop")
      #expect(report?.phase == .waiting && report?.rules == ["apply/app-pending"])
      #expect(report?.message == "app web-1.1.0 is not applied yet; this change is applied afterwards")
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.0.0")

      api.refuse(nil)
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  private static func shop(_ version: String, team: String) -> String {
    Files.cluster("shop", version, "labels: {team: \(team)}")
  }

  private static let labelled = Files.shops("shop").merging(["clusters/shop.yaml": shop("1.0.0", team: "a")])
  {
    $1
  }

  /// An edit of the app and of the team label that cannot be corrected.
  private static func edit(_ fixture: ReconcilerFixture, _ api: RefusingAPI, _ kind: APIError.Kind)
    async throws -> ObjectReport
  {
    try await fixture.engine("shop")
    await fixture.report(try fixture.user.head(), "shop") { $0.phase == .done }
    api.refuse(kind)
    try await fixture.patch("shop", ["metadata": ["labels": ["team": "b"]], "spec": ["app": "web-9.9.9"]])
    let report = await fixture.report(try fixture.user.head(), "shop") { $0.verdict != .accepted }
    return try #require(report)
  }

  @Test(
    "reports drift that cannot be corrected, and compares the fixing commit with the last applied state")
  func corrected() async throws {
    let api = RefusingAPI()
    try await ReconcilerFixture.open(Self.labelled, wrap: { api.placed(before: $0) }) { fixture in
      let report = try await Self.edit(fixture, api, .invalid)
      #expect(report.verdict == .rejected && report.rules == ["api/invalid"])
      #expect(
        report.message?.contains("it was edited outside of git, and the edit cannot be reverted") == true)
      await fixture.rest()
      let commit = try await fixture.push([
        "apps/1.1.0.json": Files.app("1.1.0"), "clusters/shop.yaml": Self.shop("1.1.0", team: "c"),
      ])
      let shop = await fixture.cluster("shop") { $0.label("team") == "c" }
      #expect(shop?.json["spec"]?["app"]?.string == "web-1.1.0")
      #expect(shop?.annotation(Wire.Annotation.change) == "upgrade")
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
    }
  }

  @Test("rejects a later commit that breaks a rule, even while drift cannot be corrected")
  func judged() async throws {
    let api = RefusingAPI()
    try await ReconcilerFixture.open(Self.labelled, wrap: { api.placed(before: $0) }) { fixture in
      _ = try await Self.edit(fixture, api, .forbidden)
      let bad = try await fixture.push(["clusters/shop.yaml": Self.shop("7.7.7", team: "c")])
      #expect(await fixture.report(bad, "shop")?.rules == ["upgrade/registered"])
    }
  }

  @Test("corrects the drift once the cluster allows it, and restores the previous note")
  func allowed() async throws {
    let api = RefusingAPI()
    try await ReconcilerFixture.open(Self.labelled, wrap: { api.placed(before: $0) }) { fixture in
      let report = try await Self.edit(fixture, api, .forbidden)
      #expect(report.verdict == .waiting && report.rules == ["api/forbidden"])
      api.refuse(nil)
      let shop = await fixture.cluster("shop") { $0.label("team") == "a" }
      #expect(shop?.json["spec"]?["app"]?.string == "web-1.0.0")
      #expect(shop?.annotation(Wire.Annotation.change) == "create")
      try await fixture.engine("shop")
      await fixture.report(try fixture.user.head(), "shop") { $0.phase == .done }
      await fixture.rest()
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("leaves such drift in converge-once mode, and ends as unsettled")
  func once() async throws {
    let (site, api) = (try Site(), RefusingAPI())
    try await ReconcilerFixture.open(Self.labelled, at: site) { fixture in
      try await fixture.engine("shop")
      await fixture.rest()
    }
    let name = ObjectName(namespace: "default", name: "shop")
    _ = try await site.store().patch(.clusters, name, merge: ["metadata": ["labels": ["team": "b"]]])
    api.refuse(.invalid)
    try await ReconcilerFixture.open(at: site, once: true, wrap: { api.placed(before: $0) }) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      #expect(outcome == .unsettled(rejected: 1, failed: 0, waiting: 0))
    }
  }
}
