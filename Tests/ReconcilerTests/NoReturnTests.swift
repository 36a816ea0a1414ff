import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Past a point of no return", .timeLimit(.minutes(10)))
struct NoReturnTests {
  private static let path = "clusters/shop.yaml"

  /// `shop` at 1.0.0, and an app 1.1.0 that leaves no way back once a worker has its package.
  private static var start: [String: String?] {
    let app = Files.app("1.1.0").replacing(
      "\"name\": \"web-1.1.0\"",
      with: "\"name\": \"web-1.1.0\", \"annotations\": {\"kdops.dev/point-of-no-return\": \"worker\"}")
    return Files.shops("shop").merging(["apps/1.1.0.json": app]) { $1 }
  }

  /// Brings the cluster into the middle of its upgrade, with the new package in its worker.
  private static func begin(_ house: House, stalled: String? = nil) async throws -> String {
    try await house.engine("shop")
    let commit = try await house.push([path: Files.cluster("shop", "1.1.0")])
    await house.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
    var member = MemberStatus(pod: "shop-worker-0", nodeID: 1, state: .creating, app: "web-1.1.0")
    member.podUpgradeStatus = .configured
    member.upgrade = MemberStatus.Ledger(id: "u", revision: "r")
    var role = RoleStatus(id: "worker", statefulSet: "shop-worker", members: [member])
    role.upgradeStatus = .upgrading
    try await house.engine(
      "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"),
      stalled: stalled, roles: [role])
    return commit
  }

  @Test("a revert is rejected and never reaches the cluster; the upgrade ends, and git names its app again")
  func revert() async throws {
    try await House.open(Self.start) { house in
      let upgrade = try await Self.begin(house)
      let revert = try await house.push([Self.path: Files.cluster("shop", "1.0.0"), "apps/1.1.0.json": nil])
      let report = await house.report(revert, "shop")
      #expect(report?.verdict == "rejected" && report?.rules == ["rollback/point-of-no-return"])
      #expect(
        report?.message?.contains("cluster default/shop is past the point of no return of web-1.1.0") == true)
      // What the running upgrade needs stays as well, and is no error.
      #expect(await house.report(revert, "web-1.1.0")?.verdict == "waiting")
      await house.rest()
      let live = try #require(await house.object(.clusters, "shop"))
      #expect(live.json["spec"]?["app"]?.string == "web-1.1.0")
      #expect(live.annotation(Wire.Annotation.commit) == upgrade)

      try await house.engine("shop")
      await house.report(upgrade, "shop") { $0.phase == .done }
      let app = try #require(Self.start["apps/1.1.0.json"] ?? nil)
      let again = try await house.push([
        Self.path: Files.cluster("shop", "1.1.0"), "apps/1.1.0.json": app,
      ])
      await house.rest()
      #expect(await house.told.objects[again]?.contains { $0.verdict == "rejected" } != true)
      #expect(await house.object(.clusters, "shop")?.json["spec"] == live.json["spec"])
    }
  }

  @Test("with fixForward nothing is taken back: a third app waits, and is told what for")
  func fixForward() async throws {
    try await House.open(Self.start, settings: .init(fixesForward: true)) { house in
      _ = try await Self.begin(house, stalled: "shop-worker-0: no such image")
      let third = try await house.push([
        "apps/1.2.0.json": Files.app("1.2.0"), Self.path: Files.cluster("shop", "1.2.0"),
      ])
      let report = await house.report(third, "shop")
      #expect(report?.verdict == "waiting")
      #expect(
        report?.message?.contains(
          "waits for a stalled upgrade to web-1.1.0, which is past its point of no return") == true)
      await house.rest()
      #expect(await house.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }
}
