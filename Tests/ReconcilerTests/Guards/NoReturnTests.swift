import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Past a point of no return", .timeLimit(.minutes(10)))
struct NoReturnTests {
  private static let path = "clusters/shop.yaml"

  /// `shop` at 1.0.0, and an app 1.1.0 with a point of no return: the first worker that has its package.
  private static var start: [String: String?] {
    let app = Files.app("1.1.0").replacing(
      "\"name\": \"web-1.1.0\"",
      with: "\"name\": \"web-1.1.0\", \"annotations\": {\"kdops.dev/point-of-no-return\": \"worker\"}")
    return Files.shops("shop").merging(["apps/1.1.0.json": app]) { $1 }
  }

  /// Brings the cluster into the middle of its upgrade, with the new package in its worker.
  private static func begin(_ fixture: ReconcilerFixture, stalled: String? = nil) async throws -> String {
    try await fixture.engine("shop")
    let commit = try await fixture.push([path: Files.cluster("shop", "1.1.0")])
    await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
    var member = MemberStatus(pod: "shop-worker-0", nodeID: 1, state: .creating, app: "web-1.1.0")
    member.podUpgradeStatus = .configured
    member.upgrade = MemberStatus.Ledger(id: "u", revision: "r")
    var role = RoleStatus(id: "worker", statefulSet: "shop-worker", members: [member])
    role.upgradeStatus = .upgrading
    try await fixture.engine(
      "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"),
      stalled: stalled, roles: [role])
    return commit
  }

  @Test("rejects a revert without touching the cluster, until the upgrade ends and git names its app again")
  func revert() async throws {
    try await ReconcilerFixture.open(Self.start) { fixture in
      let upgrade = try await Self.begin(fixture)
      let revert = try await fixture.push([Self.path: Files.cluster("shop", "1.0.0"), "apps/1.1.0.json": nil])
      let report = await fixture.report(revert, "shop")
      #expect(report?.verdict == .rejected && report?.rules == ["rollback/point-of-no-return"])
      #expect(
        report?.message?.contains("cluster default/shop is past the point of no return of web-1.1.0") == true)
      // The app that the running upgrade needs stays as well, without an error.
      #expect(await fixture.report(revert, "web-1.1.0")?.verdict == .waiting)
      await fixture.rest()
      let live = try #require(await fixture.object(.clusters, "shop"))
      #expect(live.json["spec"]?["app"]?.string == "web-1.1.0")
      #expect(live.annotation(Wire.Annotation.commit) == upgrade)

      try await fixture.engine("shop")
      await fixture.report(upgrade, "shop") { $0.phase == .done }
      let app = try #require(Self.start["apps/1.1.0.json"] ?? nil)
      let again = try await fixture.push([
        Self.path: Files.cluster("shop", "1.1.0"), "apps/1.1.0.json": app,
      ])
      await fixture.rest()
      #expect(await fixture.recorder.objects[again]?.contains { $0.verdict == .rejected } != true)
      #expect(await fixture.object(.clusters, "shop")?.json["spec"] == live.json["spec"])
    }
  }

  @Test("does not revert with fixForward: a third app waits, and its report says why")
  func fixForward() async throws {
    try await ReconcilerFixture.open(Self.start, settings: .init(fixesForward: true)) { fixture in
      _ = try await Self.begin(fixture, stalled: "shop-worker-0: no such image")
      let third = try await fixture.push([
        "apps/1.2.0.json": Files.app("1.2.0"), Self.path: Files.cluster("shop", "1.2.0"),
      ])
      let report = await fixture.report(third, "shop")
      #expect(report?.verdict == .waiting)
      #expect(
        report?.message?.contains(
          "waits for a stalled upgrade to web-1.1.0, which is past its point of no return") == true)
      await fixture.rest()
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }
}
