import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("Connections in configmeta.json")
struct ConnectionsTests {
  private static let prod = ObjectName(namespace: "prod", name: "analytics")

  private static func object(
    _ resource: Resource, _ name: String, _ labels: [String: String] = [:], version: Int = 1,
    _ content: JSON = [:]
  ) -> Object {
    var object = Object(resource, namespace: "prod", name: name, labels: labels, content: content)
    object.json["metadata"]?["uid"] = .string("u-\(name)")
    object.json["metadata"]?["resourceVersion"] = .string("\(version)")
    return object
  }

  private static let wanted = ClusterSpec.Connections(
    clusters: ["ledger"], configMaps: ["site", "gone"], secrets: ["key"])

  private static func cluster(_ name: String, state: String, version: Int = 1) -> Object {
    var spec = Fixture.cluster().spec.raw
    if name == prod.name {
      spec["connections"] = ["clusters": ["ledger"], "configmaps": ["site", "gone"], "secrets": ["key"]]
    }
    var status = Fixture.status().json
    status["state"] = .string(state)
    return object(.clusters, name, version: version, ["spec": spec, "status": status])
  }

  private static let site = object(
    .configMaps, "site", [Wire.Label.configMapType: "hadoop"], ["data": ["core-site.xml": "<x/>"]])
  private static let key = object(
    .secrets, "key", [Wire.Label.secretType: "user"], ["data": ["password": "aHVudGVyMg=="]])

  private static func cache() async -> ClusterCache {
    let cache = ClusterCache(systemNamespace: "system", stamp: .forTests)
    await cache.put(object(.apps, "spark-1.0.0", [:], ["spec": Fixture.app().raw]), .apps)
    await cache.put(cluster("ledger", state: "configured"), .clusters)
    await cache.put(cluster("analytics", state: "configured"), .clusters)
    _ = await cache.take(.all([site]), of: .configMaps)
    _ = await cache.take(.all([key]), of: .secrets)
    return cache
  }

  private static func connections(_ cache: ClusterCache) async -> Connections {
    await cache.connections(wanted, namespace: "prod")
  }

  @Test("list ConfigMaps and Secrets by their type, with all of a Secret in Base64")
  func shape() async throws {
    let json = await Self.connections(Self.cache()).json("cluster.local", .forTests)
    #expect(
      json["configmaps"]?["hadoop"]
        == [
          [
            "metadata": ["name": "site"], "data": ["core-site.xml": "<x/>"],
            "labels": ["kubedirector.hpe.com/cmType": "hadoop"], "annotations": nil,
          ]
        ])
    let secret = json["secrets"]?["user"]?[0]
    #expect(secret?["metadata"]?["name"] == "a2V5" && secret?["data"]?["password"] == "aHVudGVyMg==")
    #expect(secret?["labels"]?["kubedirector.hpe.com/secretType"] == "dXNlcg==")
  }

  /// The cluster `ledger` while KubeDirector's operator manages it.
  private static func foreignLedger(state: String) -> Object {
    let member: JSON = [
      "pod": "kdss-x8fgh-0", "nodeID": 1, "state": "configured", "service": "n/a",
      "stateDetail": ["lastConfiguredContainer": "containerd://1"],
    ]
    let roles: JSON = [["id": "controller", "statefulSet": "kdss-x8fgh", "members": [member]]]
    let status: JSON = [
      "state": .string(state), "clusterService": "kdhs-2b7qd", "generationUID": "1d0e", "roles": roles,
    ]
    return object(.clusters, "ledger", version: 2, ["spec": Fixture.cluster().spec.raw, "status": status])
  }

  @Test(
    "have the same content before and after the adoption of a connected cluster, so no --reconnect follows"
  )
  func adopted() async throws {
    let cache = await Self.cache()
    var ledger = Self.foreignLedger(state: "configured")
    await cache.put(ledger, .clusters)
    let before = await Self.connections(cache).observation("cluster.local", .forTests)
    #expect(before.unsettled == [] && before.marks["clusters/ledger"] != nil)
    let json = await Self.connections(cache).json("cluster.local", .forTests)
    #expect(json["clusters"]?["ledger"]?.text().contains("kdss-x8fgh-0.kdhs-2b7qd.prod.svc") == true)

    ledger.json["status"] = try #require(ForeignAdoption.statusBeforeAdoption(of: ledger.json)).json
    ledger.json["metadata"]?["resourceVersion"] = "3"
    await cache.put(ledger, .clusters)
    let after = await Self.connections(cache).observation("cluster.local", .forTests)
    #expect(after == before)
  }

  @Test("wait for a connected cluster in which the other operator still has work to do")
  func foreignUnsettled() async {
    let cache = await Self.cache()
    await cache.put(Self.foreignLedger(state: "updating"), .clusters)
    let seen = await Self.connections(cache).observation("cluster.local", .forTests)
    #expect(seen.unsettled == ["clusters/ledger"])
  }

  @Test("include a cluster's own view without its connections, with references adapted to the new place")
  func cluster() async throws {
    let json = await Self.connections(Self.cache()).json("cluster.local", .forTests)
    let ledger = try #require(json["clusters"]?["ledger"])
    #expect(ledger["cluster"]?["name"] == "ledger" && ledger["node"] == .null)
    #expect(ledger["connections"] == ["clusters": nil, "configmaps": nil, "secrets": nil])
    let path: JSON = [
      "connections", "clusters", "ledger", "nodegroups", "1", "roles", "controller", "hostnames",
    ]
    let service = ledger["nodegroups"]?["1"]?["roles"]?["controller"]?["services"]?["web"]
    #expect(service?["hostnames"]?["bdvlibrefkey"] == path)
  }

  @Test("report a missing object, but not while its kind has not been listed yet")
  func missing() async {
    var found = await Self.connections(Self.cache())
    #expect(found.missing == ["configmaps/gone"] && found.unread == [])
    found = await Self.connections(ClusterCache(systemNamespace: "system", stamp: .forTests))
    #expect(found.missing == ["clusters/ledger"] && found.unread == ["configmaps", "secrets"])
  }

  @Test("have a mark for each object that changes with it; a Secret's mark reveals nothing of its content")
  func marks() async throws {
    let cache = await Self.cache()
    func marks() async -> [String: String] {
      await Self.connections(cache).observation("cluster.local", .forTests).marks
    }
    let before = await marks()
    #expect(before.keys.sorted() == ["clusters/ledger", "configmaps/site", "secrets/key"])
    var other = Self.key
    other.json["metadata"]?["resourceVersion"] = "2"
    #expect(await cache.take(.changed(other), of: .secrets) == [Self.prod])
    let after = await marks()
    #expect(after["secrets/key"] != before["secrets/key"])
    #expect(after["configmaps/site"] == before["configmaps/site"])
    // The same mark for any content.
    other.json["data"] = ["password": "b3RoZXI="]
    _ = await cache.take(.all([other]), of: .secrets)
    #expect(await marks() == after)
    #expect(await cache.take(.removed(Self.site), of: .configMaps) == [Self.prod])
    #expect(await marks()["configmaps/site"] == nil)
  }

  @Test("enqueue the connected clusters when a cluster changes, which is unsettled meanwhile")
  func neighbour() async {
    let cache = await Self.cache()
    let change = Self.cluster("ledger", state: "updating", version: 2)
    let touched = await cache.take(.changed(change), of: .clusters)
    #expect(touched == [Self.prod, ObjectName(namespace: "prod", name: "ledger")])
    let seen = await Self.connections(cache).observation("cluster.local", .forTests)
    #expect(seen.unsettled == ["clusters/ledger"])
  }

  @Test("enqueue the connected clusters also when the engine itself writes a cluster's status")
  func written() async throws {
    try await EmbeddedEngine.with { cache in
      let neighbour = try await cache.makeNeighbour("d")
      try await cache.commit(app: "app-1.1")
      try await cache.step()
      let status = try await cache.status()
      #expect(status.state == .updating)
      // The watch reports the change when it is already known.
      let watched = await cache.engine.cache.take(
        .changed(try await cache.api.get(.clusters, EmbeddedEngine.name)), of: .clusters)
      #expect(watched == [])
      try #require(await cache.engine.queue.depth == 1)
      #expect(await cache.engine.queue.next() == neighbour)
    }
  }

  @Test("list ConfigMaps and Secrets only after a cluster is connected to one")
  func lazily() async {
    let cache = ClusterCache(systemNamespace: "system", stamp: .forTests)
    await cache.put(Self.cluster("ledger", state: "configured"), .clusters)
    await cache.put(Self.cluster("analytics", state: "configured"), .clusters)
    await cache.put(Self.cluster("analytics", state: "updating", version: 2), .clusters)
    var kinds = cache.connectedKinds.makeAsyncIterator()
    #expect(await kinds.next() == .configMaps)
    #expect(await kinds.next() == .secrets)
  }

  @Test("keep only known connections of a spec without a valid stamp")
  func unstamped() {
    let kept = Self.wanted.only { $0 == "secrets/key" }
    #expect(kept == ClusterSpec.Connections(secrets: ["key"]))
  }
}
