import KubeDirector
import Manifests
import Reports
import TestSupport
import Testing
import Values

@Suite("A file of the status tree")
struct ClusterFileTests {
  private func read(_ bytes: [UInt8]) -> JSON { SettingsFile(path: "status", bytes: bytes).json ?? .null }

  private let upgrading = ClusterFile(
    namespace: "prod", name: "analytics", status: Sample.stalled, verdict: .accepted, phase: .failed)

  @Test("contains what hooks need")
  func golden() throws {
    let text = String(decoding: upgrading.bytes, as: UTF8.self)
    #expect(try text == Golden.stored("cluster.yaml", recording: text))
    #expect(upgrading.path == "prod/analytics.yaml")
  }

  @Test("is read back as it was written")
  func roundTrip() {
    #expect(ClusterFile(path: "prod/analytics.yaml", read(upgrading.bytes)) == upgrading)
  }

  @Test("provides the state, the upgrade and the number of members to rules")
  func status() throws {
    let file = try #require(ClusterFile(path: "prod/analytics.yaml", read(upgrading.bytes)))
    let status = try #require(file.status)
    #expect(status.state == .updating)
    #expect(status.upgradeInfo?.prevApp == "spark-1.0.0")
    #expect(status.roles.map(\.members.count) == [1, 5, 1])
  }

  @Test("names only the roles with a point of no return")
  func noWayBack() throws {
    let file = ClusterFile(
      namespace: "prod", name: "analytics", status: Sample.upgrading, noWayBack: ["worker"])
    #expect(String(decoding: file.bytes, as: UTF8.self).contains("noWayBack: true"))
    let read = try #require(ClusterFile(path: "prod/analytics.yaml", read(file.bytes)))
    #expect(read == file)
    #expect(read.status?.roles(past: ["*"]) == ["worker"])
    #expect(upgrading.status?.roles(past: ["*"]) == [])
  }

  @Test("passes a stall to the rules, also if a later change waits behind it")
  func stall() throws {
    let file = try #require(ClusterFile(path: "prod/analytics.yaml", read(upgrading.bytes)))
    #expect(file.stall != nil)
    #expect(file.status?.stall?.message == file.stall)
    var well = file
    (well.stalled, well.phase) = (nil, .upgrading)
    #expect(well.status?.stall == nil)
  }

  @Test("of a cluster without a status contains none")
  func noStatus() {
    let file = ClusterFile(namespace: "prod", name: "new", status: nil, verdict: .rejected, phase: .rejected)
    #expect(ClusterFile(path: "prod/new.yaml", read(file.bytes))?.status == nil)
  }

  @Test(
    "is not created for a name that would change its path",
    arguments: [
      ("..", "x"), ("a/b", "x"), ("", "x"), ("prod", ".hidden"), ("prod", "x\n"), ("PROD", "x"), ("prod", ""),
    ])
  func hostileNames(_ namespace: String, _ name: String) {
    #expect(StatusTree.path(namespace: namespace, name: name) == nil)
  }

  @Test(
    "is not read from any other path",
    arguments: ["analytics.yaml", "a/b/c.yaml", "prod/x.yml", "../x.yaml", "prod/.yaml", "/x.yaml", ""])
  func hostilePaths(_ path: String) {
    #expect(ClusterFile(path: path, ["schemaVersion": 1, "state": "configured", "app": "a"]) == nil)
  }

  @Test("with a forged huge number of members is limited to what a cluster can have")
  func hugeCounts() throws {
    let roles = (0..<50).map { JSON.object(["id": .string("r\($0)"), "members": .integer(.max)]) }
    let file = try #require(
      ClusterFile(path: "a/b.yaml", ["schemaVersion": 1, "state": "configured", "roles": .array(roles)]))
    #expect(file.status?.members.count == 1000)
  }

  @Test(
    "with forged content gives empty or harmless values, and never a crash",
    arguments: [
      JSON.null, 7, [], ["schemaVersion": 2], ["schemaVersion": 1, "state": "exploded"],
      ["schemaVersion": 1, "state": 3, "roles": "x", "upgradeInfo": [], "phase": [:]],
      [
        "schemaVersion": 1, "state": "configured",
        "roles": [["members": -5], ["id": "a", "members": -5], 1],
      ],
    ])
  func forged(_ json: JSON) {
    let file = ClusterFile(path: "a/b.yaml", json)
    let members = file?.status?.members.count ?? 0
    #expect(members == 0)
    #expect(file?.upgradeInfo == nil)
  }

  @Test("has no members of a role whose id is too long for a name, and at most 256 roles")
  func longRoles() throws {
    let long = String(repeating: "x", count: 60_000)
    let short = (0..<300).map { JSON.object(["id": .string("r\($0)"), "members": 1]) }
    let file = try #require(
      ClusterFile(
        path: "default/shop.yaml",
        [
          "schemaVersion": 1, "state": "configured", "app": .string(long),
          "roles": .array([["id": .string(long), "members": 1000]] + short),
        ]))
    #expect(file.app.isEmpty)
    #expect(file.roles.count == 255)
    #expect(file.status?.members.allSatisfy { $0.pod.utf8.count < 300 } == true)
  }
}
