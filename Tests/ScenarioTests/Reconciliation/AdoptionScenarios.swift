import ClusterAPI
import KubeDirector
import Testing
import Values

@Suite("Adopting a cluster that already runs", needsBubblewrap)
struct AdoptionScenarios {
  @Test(
    "a cluster that KubeDirector created is rejected with a reason; it and its StatefulSet stay unchanged",
    arguments: Backend.available)
  func foreign(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(
      app: "1.0.0", annotations: [Wire.Annotation.adopt: "true"])
    try await scenario(fixture, files, start: false) { scene in
      let labels = [
        Wire.Label.cluster: "shop", Wire.Label.role: "worker", Wire.Label.app: "web-1.0.0",
        Wire.Label.headless: "kdhs-2b7qd",
      ]
      try await scene.written { api in
        var cluster = try await api.create(
          Object(
            .clusters, namespace: fixture.namespace, name: "shop",
            content: ["spec": ["app": "web-1.0.0", "roles": []]]))
        cluster.json["status"] = [
          "state": "configured", "clusterService": "kdhs-2b7qd", "generationUID": "1d0e", "lastNodeID": 1,
          "roles": [["id": "worker", "statefulSet": "kdss-x8fgh", "members": []]],
        ]
        _ = try await api.updateStatus(cluster)
        let template: JSON = [
          "metadata": ["labels": JSON(labels)],
          "spec": ["containers": [["name": "app", "image": .string(fixture.image("1.0"))]]],
        ]
        _ = try await api.create(
          Object(
            .statefulSets, namespace: fixture.namespace, name: "kdss-x8fgh", labels: labels,
            owners: [OwnerReference(cluster)],
            content: [
              "spec": [
                "serviceName": "kdhs-2b7qd", "podManagementPolicy": "Parallel", "replicas": 0,
                "selector": ["matchLabels": JSON(labels)], "template": template,
              ]
            ]))
      }
      let before = try #require(try await scene.cluster())
      try await scene.start()
      let note = try await scene.note(try scene.forge.first(), phase: "rejected")
      let report = try #require(note.object("shop"))
      #expect(report.rules.first == "cluster/adoption-shape")
      #expect(report.message?.contains("clusterService, generationUID") == true)
      #expect(
        report.message?.contains("moving a cluster here from another operator is not supported yet") == true)
      try await staying(for: .seconds(1), "cluster and StatefulSet as they were") {
        let sets = try await scene.list(.statefulSets, [Wire.Label.cluster: "shop"])
        return try await scene.cluster() == before && sets.map(\.name) == ["kdss-x8fgh"]
          && sets.allSatisfy { $0.generation == 1 && $0.labels == labels }
      }
    }
  }
}
