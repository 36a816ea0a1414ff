import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Controller

@Suite("A cluster with objects of another operator")
struct ForeignShapeTests {
  /// A cluster that was applied from git, for which another operator has created a StatefulSet since then.
  private static func withSet(
    _ body: @escaping @Sendable (EmbeddedEngine, _ cluster: Object, _ set: Object) async throws -> Void
  ) async throws {
    try await EmbeddedEngine.with { cache in
      let name = try await cache.makeNeighbour("late")
      let cluster = try await cache.api.get(.clusters, name)
      let labels = [
        Wire.Label.cluster: name.name, Wire.Label.role: "worker", Wire.Label.app: "app-1.0",
        Wire.Label.headless: "kdhs-2b7qd",
      ]
      let template: JSON = [
        "metadata": ["labels": JSON(labels)],
        "spec": ["containers": [["name": "app", "image": "worker:1.0"]]],
      ]
      let set = try await cache.api.create(
        Object(
          .statefulSets, namespace: name.namespace, name: "kdss-x8fgh", labels: labels,
          owners: [OwnerReference(cluster)],
          content: [
            "spec": [
              "serviceName": "kdhs-2b7qd", "podManagementPolicy": "Parallel", "replicas": 1,
              "selector": ["matchLabels": JSON(labels)], "template": template,
            ]
          ]))
      await cache.api.settle()
      try await body(cache, cluster, set)
    }
  }

  @Test("stalls with a message, and keeps the other operator's StatefulSets unchanged")
  func sets() async throws {
    try await Self.withSet { cache, cluster, set in
      for _ in 0..<3 {
        try await cache.see()
        try await cache.engine.reconcile(cluster.objectName)
        await cache.api.settle()
      }
      let left = try await cache.api.get(.statefulSets, set.objectName)
      #expect(left.generation == set.generation && left.labels == set.labels)
      let mine: LabelSelector = [Wire.Label.cluster: "late"]
      let sets = try await cache.api.list(.statefulSets, namespace: "prod", labels: mine).items
      #expect(sets.map(\.name) == ["kdss-x8fgh"])
      #expect(try await cache.api.list(.services, namespace: "prod", labels: mine).items.isEmpty)
      let status = try #require(
        ClusterStatus(try await cache.api.get(.clusters, cluster.objectName).json["status"]))
      let stall = try #require(status.condition(.stalled))
      #expect(stall.status && stall.reason == "NotUnderstood")
      #expect(stall.message.contains("StatefulSet kdss-x8fgh was not made by kdops (serviceName)"))
      #expect(status.roles.isEmpty && status.state == .creating)
    }
  }

  @Test("is set up once the other operator's StatefulSets are gone")
  func gone() async throws {
    try await Self.withSet { cache, cluster, set in
      try await cache.see()
      try await cache.engine.reconcile(cluster.objectName)
      try await cache.api.delete(.statefulSets, set.objectName, .none)
      await cache.api.settle()
      try await cache.see()
      try await cache.engine.reconcile(cluster.objectName)
      let status = try #require(
        ClusterStatus(try await cache.api.get(.clusters, cluster.objectName).json["status"]))
      #expect(status.condition(.stalled)?.status == false)
      #expect(status.roles.map(\.statefulSet) == ["late-worker", "late-gateway"])
    }
  }

  @Test("is left alone, including its status, once the other operator writes its status")
  func status() async throws {
    try await EmbeddedEngine.with { cache in
      var cluster = try await cache.api.get(.clusters, EmbeddedEngine.name)
      cluster.json["status"] = ["state": "configured", "clusterService": "kdhs-2b7qd", "roles": []]
      _ = try await cache.api.updateStatus(cluster)
      try await cache.commit(app: "app-1.1")
      let before = try await cache.set("worker")
      #expect(try await cache.step() == false)
      #expect(try await cache.set("worker") == before)
      let status = try await cache.api.get(.clusters, EmbeddedEngine.name).json["status"]
      #expect(status == cluster.json["status"])
    }
  }
}
