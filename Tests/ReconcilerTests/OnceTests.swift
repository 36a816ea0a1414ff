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
    try await House.open(Files.shops("shop"), at: site) { house in
      try await house.engine("shop")
      try await house.engine("shop", state, stalled: stalled)
    }
  }

  @Test("waits for members that are being told something, and then for what waited for them")
  func membersFirst() async throws {
    let site = try Site()
    try await Self.leave(.updating, at: site)
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await House.open(at: site, once: true) { house in
      let head = try house.user.head()
      await house.report(head, "shop") { $0.verdict == "waiting" }
      try await house.engine("shop")
      await house.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await house.engine(
        "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"))
      #expect(await house.told.outcome == nil)
      try await house.engine("shop")
      await until { await house.told.outcome }
      #expect(await house.told.outcome == .converged)
    }
  }

  @Test("waits for nothing that does not go on by itself")
  func stalled() async throws {
    let site = try Site()
    try await Self.leave(.updating, stalled: "shop-worker-0: no such image", at: site)
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await House.open(at: site, once: true) { house in
      let outcome = await until { await house.told.outcome }
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
    let api = Homeless()
    try await House.open(Files.shops("shop"), once: true, wrap: { api.stand(before: $0) }) { house in
      let outcome = await until { await house.told.outcome }
      #expect(outcome == .unsettled(rejected: 0, failed: 0, waiting: 2))
    }
  }

  @Test("an upgrade of a cluster that is suspended waits for whoever resumes it, and so is not as git says")
  func suspended() async throws {
    let site = try Site()
    try await House.open(Files.shops("shop"), at: site) { house in
      try await house.engine("shop")
      try await house.patch("shop", ["metadata": ["annotations": [Wire.Annotation.suspend: "true"]]])
    }
    try site.user.commit(Self.upgraded)
    try site.user.push()
    try await House.open(at: site, once: true) { house in
      let outcome = await until { await house.told.outcome }
      #expect(outcome == .unsettled(rejected: 0, failed: 0, waiting: 1))
      #expect(await house.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }
}
