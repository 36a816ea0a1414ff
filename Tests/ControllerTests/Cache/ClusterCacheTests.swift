import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import Controller

@Suite("The cluster cache")
struct ClusterCacheTests {
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

  private static func cache(
    cluster labels: [String: String] = [Wire.Label.source: "default"], _ annotations: [String: String] = [:]
  ) async -> ClusterCache {
    let cache = ClusterCache(systemNamespace: "system", installation: "default", stamp: .forTests)
    for resource in [Resource.apps, .statefulSets, .pods, .services, .disruptionBudgets] {
      _ = await cache.take(.all([]), of: resource)
    }
    var cluster = Object(
      .clusters, namespace: "prod", name: "analytics", labels: labels, annotations: annotations)
    cluster.json["metadata"]?["uid"] = "c-1"
    _ = await cache.take(.all([cluster]), of: .clusters)
    return cache
  }

  @Test("ignores objects with a cluster's labels and a different owner")
  func strangers() async throws {
    let cache = await Self.cache()
    await cache.put(Self.object(.statefulSets, "ours", uid: "s-1", owner: "c-1"), .statefulSets)
    await cache.put(Self.object(.statefulSets, "theirs", uid: "s-2", owner: "c-0"), .statefulSets)
    await cache.put(Self.object(.pods, "ours-0", uid: "p-1", owner: "s-1"), .pods)
    await cache.put(Self.object(.pods, "theirs-0", uid: "p-2", owner: "s-2"), .pods)
    await cache.put(Self.object(.pods, "orphan-0", uid: "p-3", owner: nil), .pods)
    await cache.put(Self.object(.services, "ours", uid: "v-1", owner: "c-1"), .services)
    await cache.put(Self.object(.services, "theirs", uid: "v-2", owner: nil), .services)
    let snapshot = try #require(await cache.snapshot(Self.name))
    #expect(Set(snapshot.sets.keys) == ["ours"])
    #expect(Set(snapshot.pods.keys) == ["ours-0", "orphan-0"])
    #expect(Set(snapshot.services.keys) == ["ours"])
  }

  @Test(
    "ignores clusters of another installation or none, but keeps one whose label was removed",
    arguments: [
      ([Wire.Label.source: "other"], [:], false), ([:], [:], false),
      ([Wire.Label.source: "default"], [:], true),
      ([:], [Wire.Annotation.stamp: "x"], true),
      ([Wire.Label.source: "other"], [Wire.Annotation.stamp: "x"], false),
    ] as [([String: String], [String: String], Bool)])
  func installations(labels: [String: String], annotations: [String: String], isOurs: Bool) async {
    let cache = await Self.cache(cluster: labels, annotations)
    #expect(await (cache.snapshot(Self.name) != nil) == isOurs)
  }

  @Test("enqueues the clusters whose pods a changed budget covers")
  func budgets() async {
    let cache = await Self.cache()
    await cache.put(Self.object(.pods, "ours-0", uid: "p-1", owner: nil), .pods)
    func budget(_ label: String, allowed: Int) -> Object {
      Object(
        .disruptionBudgets, namespace: "prod", name: "b",
        content: [
          "spec": ["selector": ["matchLabels": [Wire.Label.cluster: .string(label)]]],
          "status": ["disruptionsAllowed": JSON(allowed)],
        ])
    }
    #expect(
      await cache.take(.changed(budget("analytics", allowed: 0)), of: .disruptionBudgets) == [Self.name])
    #expect(await cache.take(.changed(budget("analytics", allowed: 0)), of: .disruptionBudgets).isEmpty)
    #expect(await cache.snapshot(Self.name)?.budgets.count == 1)
    // A budget that no longer covers their pods counts too.
    #expect(await cache.take(.changed(budget("ledger", allowed: 0)), of: .disruptionBudgets) == [Self.name])
    #expect(await cache.take(.changed(budget("ledger", allowed: 1)), of: .disruptionBudgets).isEmpty)
  }

  /// - Parameter version: The version of the app; the rest of its spec does not matter here.
  private static func app(_ version: String, isStamped: Bool, label: String? = "default") -> Object {
    var object = Object(
      .apps, namespace: "prod", name: "spark", labels: label.map { [Wire.Label.source: $0] } ?? [:],
      content: ["spec": Fixture.app().raw])
    object.json["metadata"]?["uid"] = "a-1"
    object.json["spec"]?["version"] = .string(version)
    if isStamped { object.json = Stamp.forTests.on(object.json) }
    return object
  }

  private static func version(in cache: ClusterCache) async -> String? {
    await cache.app("spark", namespace: "prod", catalog: nil)?.0.spec.version.description
  }

  @Test("uses the previous state of an edited app until the drift is corrected")
  func editedApp() async {
    let cache = await Self.cache()
    await cache.put(Self.app("1.0.0", isStamped: false), .apps)
    #expect(await Self.version(in: cache) == nil)
    await cache.put(Self.app("1.0.0", isStamped: true), .apps)
    #expect(await Self.version(in: cache) == "1.0.0")
    var edited = Self.app("1.0.0", isStamped: true)
    edited.json["spec"]?["version"] = "6.6.6"
    await cache.put(edited, .apps)
    #expect(await Self.version(in: cache) == "1.0.0")
    // Removing the ownership label does not change that.
    await cache.put(Self.app("6.6.6", isStamped: false, label: nil), .apps)
    #expect(await Self.version(in: cache) == "1.0.0")
    await cache.put(Self.app("1.1.0", isStamped: true), .apps)
    #expect(await Self.version(in: cache) == "1.1.0")
  }

  @Test("uses an app as it is if it never came from git")
  func foreignApp() async {
    let cache = await Self.cache()
    await cache.put(Self.app("1.0.0", isStamped: false, label: nil), .apps)
    #expect(await Self.version(in: cache) == "1.0.0")
  }

  @Test("ignores a cluster in a namespace outside the tenancy")
  func tenancy() async {
    let cache = ClusterCache(
      systemNamespace: "system", installation: "default", stamp: .forTests, isTenant: { $0 != "prod" })
    for resource in [Resource.apps, .statefulSets, .pods, .services, .disruptionBudgets] {
      _ = await cache.take(.all([]), of: resource)
    }
    let cluster = Object(
      .clusters, namespace: "prod", name: "analytics", labels: [Wire.Label.source: "default"])
    _ = await cache.take(.all([cluster]), of: .clusters)
    #expect(await cache.snapshot(Self.name) == nil)
  }

  @Test("does not wait for PodDisruptionBudgets on a server without them")
  func unserved() async {
    let cache = ClusterCache(systemNamespace: "system", stamp: .forTests)
    for resource in [Resource.apps, .clusters, .statefulSets, .pods, .services] {
      _ = await cache.take(.all([]), of: resource)
    }
    var cluster = Object(.clusters, namespace: "prod", name: "analytics")
    cluster.json["metadata"]?["uid"] = "c-1"
    await cache.put(cluster, .clusters)
    #expect(await cache.snapshot(Self.name) == nil)
    await cache.lacksBudgets()
    #expect(await cache.snapshot(Self.name) != nil)
  }

  private static func versioned(
    _ resource: Resource, _ name: String, uid: String, version: Int, cluster: String = "analytics"
  ) -> Object {
    var object = object(resource, name, uid: uid, owner: nil)
    object.json["metadata"]?["resourceVersion"] = .string("\(version)")
    object.json["metadata"]?["labels"] = [Wire.Label.cluster: .string(cluster)]
    return object
  }

  @Test("keeps the response to a write that is newer than a list, and drops one of a deleted pod")
  func lateResponses() async throws {
    let cache = await Self.cache()
    _ = await cache.take(.all([], version: "5"), of: .pods)
    await cache.put(Self.versioned(.pods, "a-0", uid: "p-1", version: 8), .pods)
    let touched = await cache.take(.all([], version: "7"), of: .pods)
    #expect(touched == [Self.name])
    #expect(await cache.snapshot(Self.name)?.pods.keys.sorted() == ["a-0"])
    let removed = Self.versioned(.pods, "a-0", uid: "p-1", version: 9)
    #expect(await cache.take(.removed(removed), of: .pods) == [Self.name])
    #expect(await cache.put(Self.versioned(.pods, "a-0", uid: "p-1", version: 8), .pods).isEmpty)
    let snapshot = try #require(await cache.snapshot(Self.name))
    #expect(snapshot.pods.isEmpty && snapshot.gone.keys.sorted() == ["a-0"])
    await cache.put(Self.versioned(.pods, "a-0", uid: "p-2", version: 10), .pods)
    #expect(await cache.snapshot(Self.name)?.gone.isEmpty == true)
  }

  @Test("moves a pod whose cluster label changes to the other cluster, and enqueues both")
  func relabelled() async throws {
    let cache = await Self.cache()
    await cache.put(Self.versioned(.pods, "a-0", uid: "p-1", version: 2), .pods)
    let moved = Self.versioned(.pods, "a-0", uid: "p-1", version: 3, cluster: "ledger")
    let touched = await cache.take(.changed(moved), of: .pods)
    #expect(touched == [Self.name, ObjectName(namespace: "prod", name: "ledger")])
    #expect(await cache.snapshot(Self.name)?.pods.isEmpty == true)
  }

  @Test("keeps the version from git of an edited app when the watch lists again")
  func editedAppAfterList() async {
    let cache = await Self.cache()
    await cache.put(Self.app("1.0.0", isStamped: true), .apps)
    var edited = Self.app("1.0.0", isStamped: true)
    edited.json["spec"]?["version"] = "6.6.6"
    _ = await cache.take(.all([edited]), of: .apps)
    #expect(await Self.version(in: cache) == "1.0.0")
  }
}
