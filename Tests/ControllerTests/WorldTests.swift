import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import Controller

@Suite("What the engine knows of the world")
struct WorldTests {
  private static let name = ObjectName(namespace: "prod", name: "analytics")

  private static func object(
    _ resource: Resource, _ name: String, uid: String, owner: String?, labels: [String: String] = [:]
  ) -> Object {
    var object = Object(
      resource, namespace: "prod", name: name,
      labels: labels.merging([Wire.Label.cluster: "analytics"]) { ours, _ in ours })
    if let owner {
      object.json["metadata"]?["ownerReferences"] = [
        ["apiVersion": "v1", "kind": "Any", "name": "any", "uid": .string(owner), "controller": true]
      ]
    }
    object.json["metadata"]?["uid"] = .string(uid)
    return object
  }

  private static func world(
    cluster labels: [String: String] = [Wire.Label.source: "default"], _ annotations: [String: String] = [:]
  ) async -> World {
    let world = World(systemNamespace: "system", installation: "default")
    for resource in [Resource.apps, .statefulSets, .pods, .services, .disruptionBudgets] {
      _ = await world.take(.all([]), of: resource)
    }
    var cluster = Object(
      .clusters, namespace: "prod", name: "analytics", labels: labels, annotations: annotations)
    cluster.json["metadata"]?["uid"] = "c-1"
    _ = await world.take(.all([cluster]), of: .clusters)
    return world
  }

  @Test("objects that bear a cluster's labels and belong to somebody else are passed over")
  func strangers() async throws {
    let world = await Self.world()
    await world.put(Self.object(.statefulSets, "ours", uid: "s-1", owner: "c-1"), .statefulSets)
    await world.put(Self.object(.statefulSets, "theirs", uid: "s-2", owner: "c-0"), .statefulSets)
    await world.put(Self.object(.pods, "ours-0", uid: "p-1", owner: "s-1"), .pods)
    await world.put(Self.object(.pods, "theirs-0", uid: "p-2", owner: "s-2"), .pods)
    await world.put(Self.object(.pods, "orphan-0", uid: "p-3", owner: nil), .pods)
    await world.put(Self.object(.services, "ours", uid: "v-1", owner: "c-1"), .services)
    await world.put(Self.object(.services, "theirs", uid: "v-2", owner: nil), .services)
    let picture = try #require(await world.picture(Self.name))
    #expect(Set(picture.sets.keys) == ["ours"])
    #expect(Set(picture.pods.keys) == ["ours-0", "orphan-0"])
    #expect(Set(picture.services.keys) == ["ours"])
  }

  @Test(
    "clusters of another installation, or of none, are not looked at; one whose label was taken off is",
    arguments: [
      ([Wire.Label.source: "other"], [:], false), ([:], [:], false),
      ([Wire.Label.source: "default"], [:], true),
      ([:], [Wire.Annotation.stamp: "x"], true),
      ([Wire.Label.source: "other"], [Wire.Annotation.stamp: "x"], false),
    ] as [([String: String], [String: String], Bool)])
  func installations(labels: [String: String], annotations: [String: String], isOurs: Bool) async {
    let world = await Self.world(cluster: labels, annotations)
    #expect(await (world.picture(Self.name) != nil) == isOurs)
  }

  @Test("a budget that changes calls for the clusters whose pods it covers")
  func budgets() async {
    let world = await Self.world()
    await world.put(Self.object(.pods, "ours-0", uid: "p-1", owner: nil), .pods)
    func budget(_ label: String, allowed: Int) -> Object {
      Object(
        .disruptionBudgets, namespace: "prod", name: "b",
        content: [
          "spec": ["selector": ["matchLabels": [Wire.Label.cluster: .string(label)]]],
          "status": ["disruptionsAllowed": JSON(allowed)],
        ])
    }
    #expect(
      await world.take(.changed(budget("analytics", allowed: 0)), of: .disruptionBudgets) == [Self.name])
    #expect(await world.take(.changed(budget("analytics", allowed: 0)), of: .disruptionBudgets).isEmpty)
    #expect(await world.picture(Self.name)?.budgets.count == 1)
    // Also the one that lets go of them.
    #expect(await world.take(.changed(budget("ledger", allowed: 0)), of: .disruptionBudgets) == [Self.name])
    #expect(await world.take(.changed(budget("ledger", allowed: 1)), of: .disruptionBudgets).isEmpty)
  }

  @Test("a server without PodDisruptionBudgets keeps nothing waiting")
  func unserved() async {
    let world = World(systemNamespace: "system")
    for resource in [Resource.apps, .clusters, .statefulSets, .pods, .services] {
      _ = await world.take(.all([]), of: resource)
    }
    var cluster = Object(.clusters, namespace: "prod", name: "analytics")
    cluster.json["metadata"]?["uid"] = "c-1"
    await world.put(cluster, .clusters)
    #expect(await world.picture(Self.name) == nil)
    await world.lacks(.disruptionBudgets)
    #expect(await world.picture(Self.name) != nil)
  }
}
