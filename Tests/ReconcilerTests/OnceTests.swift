import ClusterAPI
import KubeDirector
import Testing

@testable import Reconciler

@Suite("A daemon that converges once", .timeLimit(.minutes(10)))
struct OnceTests {
  private static let upgraded: [String: String?] = [
    "apps/1.1.0.json": Files.app("1.1.0"), "clusters/shop.yaml": Files.cluster("shop", "1.1.0"),
  ]

  /// Leaves a cluster behind as the engine would have it.
  private static func leave(
    _ state: ClusterStatus.State, stalled: String? = nil, at site: Site
  ) async throws {
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("shop", state, stalled: stalled)
    }
  }

  @Test("waits for members that are being told something, and then for what waited for them")
  func membersFirst() async throws {
    let site = try Site()
    try await Self.leave(.updating, at: site)
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let head = try fixture.user.head()
      await fixture.report(head, "shop") { $0.verdict == "waiting" }
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

  @Test("waits for nothing that does not go on by itself")
  func stalled() async throws {
    let site = try Site()
    try await Self.leave(.updating, stalled: "shop-worker-0: no such image", at: site)
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      // Whether the daemon before had time to tell of the stall is another matter.
      guard case .unsettled(rejected: 0, failed: _, waiting: 1)? = outcome else {
        Issue.record("\(String(describing: outcome))")
        return
      }
    }
  }

  @Test(
    "a namespace that is missing is not waited for: whoever makes it may be the one who waits for the end")
  func namespace() async throws {
    let api = MissingNamespaceAPI()
    try await ReconcilerFixture.open(Files.shops("shop"), once: true, wrap: { api.placed(before: $0) }) {
      fixture in
      let outcome = await until { await fixture.recorder.outcome }
      #expect(outcome == .unsettled(rejected: 0, failed: 0, waiting: 2))
    }
  }

  @Test("an upgrade of a cluster that is suspended waits for whoever resumes it, and so is not as git says")
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
