import ClusterAPI
import FoundationEssentials
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite("The object store")
struct StoreTests {
  private static func service(_ name: String, _ port: Int64 = 80, labels: [String: String] = [:]) -> Object {
    Object(
      .services, namespace: "default", name: name, labels: labels, content: ["spec": ["port": .integer(port)]]
    )
  }

  private static func stored(_ body: @escaping @Sendable (ClusterFixture) async throws -> Void) async throws {
    try await ClusterFixture.with(runs: false, body)
  }

  @Test("gives a new object a uid, a resource version, a generation and a creation time")
  func creation() async throws {
    try await Self.stored { fixture in
      let created = try await fixture.cluster.create(Self.service("a"))
      #expect(created.uid.count == 36)
      #expect(created.resourceVersion == "1")
      #expect(created.generation == 1)
      #expect(created.json["metadata"]?["creationTimestamp"]?.string == "2023-11-14T22:13:20Z")
      let read = try await fixture.cluster.get(.services, ClusterFixture.name("a"))
      #expect(read == created)
      await fixture.expect(.alreadyExists) { _ = try await fixture.cluster.create(Self.service("a")) }
      await fixture.expect(.notFound) {
        _ = try await fixture.cluster.get(.services, ClusterFixture.name("b"))
      }
    }
  }

  @Test("keeps only the newest events, also after a restart")
  func events() throws {
    var rules = ObjectRules()
    rules.eventLimit = 3
    func event(_ number: Int) -> Object { Object(.events, namespace: "default", name: "e\(number)") }
    let store = ObjectStore(objects: [], version: 0, rules: rules, now: { .zero })
    for number in 1...5 { _ = try store.create(event(number)) }
    #expect(Set(store.all("Event").map(\.name.name)) == ["e3", "e4", "e5"])
    let stored = store.all("Event").sorted { $0.id < $1.id }.map {
      Persistence.Stored(id: $0.id, object: $0.object)
    }
    let again = ObjectStore(objects: stored, version: store.version, rules: rules, now: { .zero })
    _ = try again.create(event(6))
    #expect(Set(again.all("Event").map(\.name.name)) == ["e4", "e5", "e6"])
  }

  @Test("increases the version with every write of any object, except for one that changes nothing")
  func versions() async throws {
    try await Self.stored { fixture in
      let a = try await fixture.cluster.create(Self.service("a"))
      _ = try await fixture.cluster.create(Self.service("b"))
      let same = try await fixture.cluster.update(a)
      #expect(same.resourceVersion == "1")
      let changed = try await fixture.cluster.patch(
        .services, ClusterFixture.name("a"), merge: ["spec": ["port": 81]])
      #expect(changed.resourceVersion == "3")
      #expect(
        try await fixture.cluster.list(.services, namespace: nil, labels: .everything).resourceVersion == "3")
    }
  }

  @Test("reports a conflict for a write with an old version or with the uid of another object")
  func conflicts() async throws {
    try await Self.stored { fixture in
      let old = try await fixture.cluster.create(Self.service("a"))
      _ = try await fixture.cluster.patch(.services, ClusterFixture.name("a"), merge: ["spec": ["port": 81]])
      await fixture.expect(.conflict) { _ = try await fixture.cluster.update(old) }
      await fixture.expect(.conflict) { _ = try await fixture.cluster.updateStatus(old) }
      await fixture.expect(.conflict) {
        _ = try await fixture.cluster.patch(
          .services, ClusterFixture.name("a"),
          merge: ["metadata": ["resourceVersion": "1"], "spec": ["port": 82]])
      }
      await fixture.expect(.conflict) {
        try await fixture.cluster.delete(
          .services, ClusterFixture.name("a"), Preconditions(resourceVersion: "1"))
      }
      await fixture.expect(.conflict) {
        try await fixture.cluster.delete(.services, ClusterFixture.name("a"), Preconditions(uid: "other"))
      }
      var blind = old
      blind.json["metadata"]?["resourceVersion"] = nil
      blind.json["spec"]?["port"] = 90
      let updated = try await fixture.cluster.update(blind)
      #expect(updated.json["spec"]?["port"]?.integer == 90)
      blind.json["metadata"]?["uid"] = "other"
      let foreign = blind
      await fixture.expect(.conflict) { _ = try await fixture.cluster.update(foreign) }
      try await fixture.cluster.delete(
        .services, ClusterFixture.name("a"),
        Preconditions(uid: updated.uid, resourceVersion: updated.resourceVersion))
      await fixture.expect(.notFound) {
        _ = try await fixture.cluster.get(.services, ClusterFixture.name("a"))
      }
    }
  }

  @Test("keeps the status in an update and the rest in a status update; only the spec raises the generation")
  func statusApart() async throws {
    try await Self.stored { fixture in
      var object = try await fixture.cluster.create(Self.service("a"))
      object.json["status"] = ["state": "up"]
      object.json["spec"] = ["port": 99]
      let status = try await fixture.cluster.updateStatus(object)
      #expect(status.json["spec"]?["port"]?.integer == 80)
      #expect(status.json["status"]?["state"]?.string == "up")
      #expect(status.generation == 1)
      object = status
      object.json["status"] = ["state": "forged"]
      object.json["spec"] = ["port": 99]
      let updated = try await fixture.cluster.update(object)
      #expect(updated.json["status"]?["state"]?.string == "up")
      #expect(updated.generation == 2)
      let labelled = try await fixture.cluster.patch(
        .services, ClusterFixture.name("a"),
        merge: ["metadata": ["labels": ["x": "y"], "uid": .null], "status": .null])
      #expect(labelled.generation == 2)
      #expect(labelled.uid == updated.uid)
      #expect(labelled.json["status"]?["state"]?.string == "up")
    }
  }

  @Test("refuses names, sizes and depths that cannot be stored")
  func refusals() async throws {
    try await Self.stored { fixture in
      for name in ["", "Upper", "-a", "a-", "a..b", "a/b", "..", String(repeating: "a", count: 254)] {
        await fixture.expect(.invalid) { _ = try await fixture.cluster.create(Self.service(name)) }
      }
      for namespace in ["", "a.b", "..", String(repeating: "a", count: 64)] {
        await fixture.expect(.invalid) {
          _ = try await fixture.cluster.create(Object(.services, namespace: namespace, name: "a"))
        }
      }
      await fixture.expect(.unsupported) {
        _ = try await fixture.cluster.create(
          Object(["apiVersion": "v1", "kind": "Endpoints", "metadata": ["name": "a", "namespace": "b"]]))
      }
      await fixture.expect(.invalid) {
        let large = JSON.string(String(repeating: "x", count: 2 << 20))
        _ = try await fixture.cluster.create(
          Object(.services, namespace: "a", name: "a", content: ["spec": large]))
      }
      await fixture.expect(.invalid) {
        var deep: JSON = 1
        for _ in 0..<100 { deep = [deep] }
        _ = try await fixture.cluster.create(
          Object(.services, namespace: "a", name: "a", content: ["spec": deep]))
      }
      await fixture.expect(.invalid) {
        _ = try await fixture.cluster.create(Self.service("a"))
        _ = try await fixture.cluster.patch(.services, ClusterFixture.name("a"), merge: "no object")
      }
    }
  }

  @Test("deletes owned objects with their owner, but not volumes and objects with other owners")
  func garbage() async throws {
    try await ClusterFixture.with { fixture in
      let owner = try await fixture.cluster.create(Self.service("owner"))
      let other = try await fixture.cluster.create(Self.service("other"))
      func owned(_ name: String, by owners: [Object]) -> Object {
        Object(.events, namespace: "default", name: name, owners: owners.map { OwnerReference($0) })
      }
      let child = try await fixture.cluster.create(owned("child", by: [owner]))
      _ = try await fixture.cluster.create(owned("grandchild", by: [child]))
      _ = try await fixture.cluster.create(owned("shared", by: [owner, other]))
      try await fixture.cluster.delete(.services, ClusterFixture.name("owner"), .none)
      await fixture.cluster.settle()
      let left = try await fixture.cluster.list(.events, namespace: nil, labels: .everything)
      #expect(left.items.map(\.name) == ["shared"])
      _ = try await fixture.cluster.create(owned("late", by: [owner]))
      await fixture.cluster.settle()
      #expect(
        try await fixture.cluster.list(.events, namespace: nil, labels: .everything).items.map(\.name) == [
          "shared"
        ])
    }
  }

  @Test("marks an object with a finalizer, and deletes it with its last finalizer")
  func finalizers() async throws {
    try await Self.stored { fixture in
      var object = Self.service("a")
      object.json["metadata"]?["finalizers"] = ["kdops.dev/test"]
      _ = try await fixture.cluster.create(object)
      try await fixture.cluster.delete(.services, ClusterFixture.name("a"), .none)
      #expect(try await fixture.cluster.get(.services, ClusterFixture.name("a")).isBeingDeleted)
      _ = try await fixture.cluster.patch(
        .services, ClusterFixture.name("a"), merge: ["metadata": ["finalizers": .null]])
      await fixture.expect(.notFound) {
        _ = try await fixture.cluster.get(.services, ClusterFixture.name("a"))
      }
    }
  }

  @Test("lists in the order of names, in one namespace or all, by label")
  func lists() async throws {
    try await Self.stored { fixture in
      for name in ["c", "a", "b"] {
        let labels = [Wire.Label.cluster: name == "b" ? "spark" : "kafka", "x": name]
        _ = try await fixture.cluster.create(Self.service(name, labels: labels))
      }
      _ = try await fixture.cluster.create(Object(.services, namespace: "another", name: "z"))
      func names(_ namespace: String?, _ labels: LabelSelector) async throws -> [String] {
        try await fixture.cluster.list(.services, namespace: namespace, labels: labels).items.map(
          \.objectName.description)
      }
      #expect(try await names(nil, .everything) == ["another/z", "default/a", "default/b", "default/c"])
      #expect(try await names("default", [Wire.Label.cluster: "kafka"]) == ["default/a", "default/c"])
      #expect(try await names("default", [Wire.Label.cluster: "kafka", "x": "a"]) == ["default/a"])
      #expect(try await names(nil, LabelSelector(equals: [:], exists: ["x"])).count == 3)
      _ = try await fixture.cluster.patch(
        .services, ClusterFixture.name("a"), merge: ["metadata": ["labels": [Wire.Label.cluster: "spark"]]])
      #expect(try await names("default", [Wire.Label.cluster: "spark"]) == ["default/a", "default/b"])
    }
  }

  @Test("refuses changes of a pod's spec and of immutable fields of a StatefulSet")
  func immutable() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      await fixture.expect(.invalid) {
        _ = try await fixture.cluster.patch(
          .pods, ClusterFixture.name("web-0"), merge: ["spec": ["hostname": "x"]])
      }
      await fixture.expect(.invalid) {
        _ = try await fixture.patch("web", ["spec": ["serviceName": "other"]])
      }
      #expect(try await fixture.patch("web", ["spec": ["replicas": 2]]).generation == 2)
    }
  }
}
