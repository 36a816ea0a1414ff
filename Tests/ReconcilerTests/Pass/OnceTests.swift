import ClusterAPI
import KubeDirector
import Testing

@testable import Reconciler

@Suite("Converge-once mode", .timeLimit(.minutes(10)))
struct OnceTests {
  private static let upgraded: [String: String?] = Files.upgradeOfShop

  /// Leaves a cluster in the state that the engine would produce.
  private static func leave(
    _ state: ClusterStatus.State, stalled: String? = nil, at site: Site
  ) async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("shop", state, stalled: stalled)
    }
  }

  @Test("waits for pending notifications of members, then for the changes behind them")
  func membersFirst() async throws {
    let site = try Site()
    try await Self.leave(.updating, at: site)
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let head = try fixture.user.head()
      await fixture.report(head, "shop") { $0.verdict == .waiting }
      try await fixture.engine("shop")
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine(
        "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"))
      #expect(await fixture.recorder.outcome == nil)
      try await fixture.engine("shop")
      await until { await fixture.recorder.outcome }
      #expect(await fixture.recorder.outcome == .converged)
    }
  }

  @Test("does not wait for a stalled cluster")
  func stalled() async throws {
    let site = try Site()
    try await Self.leave(.updating, stalled: "shop-worker-0: no such image", at: site)
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      // Whether the previous daemon had time to report the stall does not matter here.
      guard case .unsettled(rejected: 0, failed: _, waiting: 1)? = outcome else {
        Issue.record("\(String(describing: outcome))")
        return
      }
    }
  }

  @Test("ends while rewritten history blocks the head, also if a change of the lost commit waits")
  func rewritten() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("shop", .updating, stalled: "shop-worker-0: no such image")
      let lost = try await fixture.push(Self.upgraded)
      await fixture.report(lost, "shop") { $0.verdict == .waiting }
    }
    try site.user.git("reset", "--quiet", "--hard", "HEAD~1")
    try site.user.commit(["README.md": "another history"])
    try site.user.push("--force", "main")
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      guard case .unsettled(rejected: 0, failed: _, waiting: let waiting)? = outcome, waiting > 0 else {
        Issue.record("\(String(describing: outcome))")
        return
      }
    }
  }

  @Test(
    "does not wait for a missing namespace, which may be created only after this run")
  func namespace() async throws {
    let api = MissingNamespaceAPI()
    try await ReconcilerFixture.open(Files.shops("shop"), once: true, wrap: { api.placed(before: $0) }) {
      fixture in
      let outcome = await until { await fixture.recorder.outcome }
      #expect(outcome == .unsettled(rejected: 0, failed: 0, waiting: 2))
    }
  }

  @Test("does not wait for the upgrade of a suspended cluster, and ends as unsettled")
  func suspended() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      try await fixture.patch("shop", ["metadata": ["annotations": [Wire.Annotation.suspend: "true"]]])
    }
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      #expect(outcome == .unsettled(rejected: 0, failed: 0, waiting: 1))
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }
}
