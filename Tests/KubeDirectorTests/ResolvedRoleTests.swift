import KubeDirector
import Testing
import Values

@Suite("Defaults of an app, resolved for each role")
struct ResolvedRoleTests {
  static let spec = AppSpec([
    "version": "1.0.0",
    "defaultImageRepoTag": "app:1",
    "defaultConfigPackage": ["packageURL": "file:///a.tgz", "useNewSetupLayout": true],
    "defaultPersistDirs": ["/data"],
    "defaultEventList": ["configure", "role_upgraded"],
    "defaultMaxLogSizeDump": 10,
    "roles": [
      ["id": "plain", "cardinality": "1+"],
      [
        "id": "own", "cardinality": "2", "imageRepoTag": "own:1",
        "configPackage": ["packageURL": "file:///b.tgz"],
        "persistDirs": [], "eventList": [], "maxLogSizeDump": 0,
      ],
      ["id": "bare", "cardinality": "0+", "configPackage": nil],
      ["id": "odd", "cardinality": "many"],
    ],
  ])

  @Test("are inherited for fields that a role omits")
  func inherits() throws {
    let role = try #require(Self.spec.resolved("plain"))
    #expect(role.image == "app:1" && role.persistDirs == ["/data"] && role.maxLogSizeDump == 10)
    #expect(role.package == ConfigPackage(url: "file:///a.tgz", useNewSetupLayout: true))
    #expect(role.events == [.configure, .roleUpgraded])
  }

  @Test("are overridden by a role's value, even if it is empty or zero")
  func own() throws {
    let role = try #require(Self.spec.resolved("own"))
    #expect(
      role.image == "own:1" && role.persistDirs.isEmpty && role.events.isEmpty && role.maxLogSizeDump == 0)
    #expect(role.package?.useNewSetupLayout == false)
  }

  @Test("are overridden by an explicit null, which means no package and thus no events")
  func bare() throws {
    let role = try #require(Self.spec.resolved("bare"))
    #expect(role.package == nil)
    #expect(LifecycleEvent.allCases.allSatisfy { !role.subscribes($0) })
  }

  @Test("always include pod_upgraded and pod_reverted, and other events only if listed")
  func events() throws {
    let own = try #require(Self.spec.resolved("own"))
    #expect(own.subscribes(.podUpgraded) && own.subscribes(.podReverted) && !own.subscribes(.configure))
    let silent = AppSpec([
      "defaultConfigPackage": ["packageURL": "file:///a.tgz"], "roles": [["id": "r", "cardinality": "1"]],
    ])
    let role = try #require(silent.resolved("r"))
    #expect(role.events == [.configure, .addNodes, .deleteNodes])
  }

  @Test("are not resolved for a role that is missing or has no cardinality")
  func unresolved() {
    #expect(Self.spec.resolved("other") == nil && Self.spec.resolved("odd") == nil)
    #expect(Self.spec.resolvedRoles.map(\.id) == ["plain", "own", "bare"])
  }

  @Test("treat fields of the wrong type as absent, without a trap")
  func lenient() {
    for value: JSON in [nil, 3, "x", [], [[]], ["a": 1], true] {
      let spec = AppSpec([
        "roles": value, "services": value, "config": value, "version": value, "label": value,
      ])
      #expect(spec.services.isEmpty || value.array != nil)
      let cluster = ClusterSpec(["app": value, "roles": value, "connections": value])
      #expect(cluster.connections.clusters.isEmpty)
    }
  }
}
