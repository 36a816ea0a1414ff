import ClusterAPI
import FoundationEssentials
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite("Sets and pods together")
struct NodeTests {
  @Test("run a set's pods with the labels and names that Kubernetes uses")
  func setComesUp() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:1 ready"])
      let set = try await fixture.set("web")
      let revision = set.json["status"]?["updateRevision"]?.string ?? ""
      #expect(revision.hasPrefix("web-") && revision.count == 14)
      #expect(set.json["status"]?["currentRevision"]?.string == revision)
      #expect(set.json["status"]?["readyReplicas"]?.integer == 3)
      #expect(set.json["status"]?["observedGeneration"]?.integer == 1)
      let pod = try await fixture.pod("web-2")
      #expect(pod.labels["app"] == "web")
      #expect(pod.labels["controller-revision-hash"] == revision)
      #expect(pod.labels["statefulset.kubernetes.io/pod-name"] == "web-2")
      #expect(pod.labels["apps.kubernetes.io/pod-index"] == "2")
      #expect(pod.owners.map(\.name) == ["web"])
      #expect(pod.json["spec"]?["hostname"]?.string == "web-2")
      #expect(pod.json["spec"]?["subdomain"]?.string == "svc")
      #expect(pod.containerID?.hasPrefix("embedded://") == true)
      #expect(pod.app?["restartCount"]?.integer == 0)
      let ips = try await fixture.cluster.list(.pods, namespace: nil, labels: .everything).items.map {
        $0.json["status"]?["podIP"]?.string
      }
      #expect(Set(ips).count == 3)
      let revisions = try await fixture.cluster.list(
        .controllerRevisions, namespace: nil, labels: .everything
      )
      .items
      #expect(revisions.map(\.name) == [revision])
      #expect(revisions[0].json["data"]?["spec"]?["template"]?["$patch"]?.string == "replace")
    }
  }

  @Test("upgrade from the last pod to the first, each only after the one before is ready")
  func upgrade() async throws {
    try await ClusterFixture.with(images: [.init(image: "*", start: .seconds(1))]) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      await fixture.step()
      try await fixture.patch("web", ClusterFixture.image("registry.example/app:2"))
      await fixture.cluster.settle()
      #expect(
        try await fixture.pods() == [
          "web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:2 ContainerCreating",
        ])
      await fixture.step()
      #expect(
        try await fixture.pods() == [
          "web-0 app:1 ready", "web-1 app:2 ContainerCreating", "web-2 app:2 ready",
        ])
      await fixture.step()
      await fixture.step()
      #expect(try await fixture.pods() == ["web-0 app:2 ready", "web-1 app:2 ready", "web-2 app:2 ready"])
    }
  }

  @Test("recreate a failed pod below the partition with the old revision, and above it with the new one")
  func partition() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", partition: 3))
      try await fixture.patch("web", ClusterFixture.image("registry.example/app:2"))
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:1 ready"])
      try await fixture.patch("web", ["spec": ["updateStrategy": ["rollingUpdate": ["partition": 2]]]])
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:2 ready"])
      for name in ["web-1", "web-2"] {
        try await fixture.cluster.delete(.pods, ClusterFixture.name(name), .none)
      }
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:2 ready"])
      var status = try await fixture.set("web").json["status"]
      #expect(status?["currentRevision"] != status?["updateRevision"])
      try await fixture.patch("web", ["spec": ["updateStrategy": ["rollingUpdate": ["partition": 0]]]])
      await fixture.cluster.settle()
      status = try await fixture.set("web").json["status"]
      #expect(status?["currentRevision"] == status?["updateRevision"])
    }
  }

  @Test("keep a stuck pod after its template is fixed, and recreate it fixed only after deletion")
  func stuck() async throws {
    try await ClusterFixture.with(images: [.init(image: "*:1"), .init(image: "*:3")]) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      try await fixture.patch("web", ClusterFixture.image("registry.example/app:2"))
      await fixture.cluster.settle()
      #expect(try await fixture.pods().last == "web-2 app:2 ErrImagePull")
      try await fixture.patch("web", ClusterFixture.image("registry.example/app:3"))
      for _ in 0..<5 { await fixture.step(.seconds(60)) }
      #expect(try await fixture.pods().last?.hasPrefix("web-2 app:2 ") == true)
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-2"), .none)
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:3 ready", "web-1 app:3 ready", "web-2 app:3 ready"])
    }
  }

  @Test("replace only deleted pods in a rollback with OnDelete, and never advance the current revision")
  func onDelete() async throws {
    try await ClusterFixture.with { fixture in
      let created = try await fixture.cluster.create(ClusterFixture.set("web", partition: 2))
      try await fixture.patch("web", ClusterFixture.image("registry.example/app:2"))
      await fixture.cluster.settle()
      #expect(try await fixture.pods().last == "web-2 app:2 ready")
      var old = ClusterFixture.image("registry.example/app:1")
      old["spec"]?["updateStrategy"] = ["type": "OnDelete", "rollingUpdate": .null]
      let back = try await fixture.patch("web", old)
      #expect(back.json["spec"]?["updateStrategy"] == ["type": "OnDelete"])
      await fixture.cluster.settle()
      #expect(try await fixture.pods().last == "web-2 app:2 ready")
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-2"), .none)
      await fixture.cluster.settle()
      #expect(try await fixture.pods().last == "web-2 app:1 ready")
      #expect(created.generation == 1)
      let revisions = try await fixture.cluster.list(
        .controllerRevisions, namespace: nil, labels: .everything
      )
      .items
      #expect(revisions.compactMap { $0.json["revision"]?.integer }.sorted() == [2, 3])
    }
  }

  @Test("pull an image at the next attempt after it is added to the catalog")
  func healingImage() async throws {
    try await ClusterFixture.with(images: []) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:1 ErrImagePull"])
      await fixture.step(.seconds(2))
      #expect(try await fixture.pods() == ["web-0 app:1 ImagePullBackOff"])
      await fixture.cluster.setCatalog(ImageCatalog([.init(image: "registry.example/app:*")]))
      await fixture.step(.seconds(7))
      #expect(try await fixture.pods() == ["web-0 app:1 ImagePullBackOff"])
      await fixture.step(.seconds(1))
      #expect(try await fixture.pods() == ["web-0 app:1 ready"])
    }
  }

  @Test("keep a pod waiting for space on the node, until another one is deleted")
  func capacity() async throws {
    var options = EmbeddedCluster.Options()
    options.capacity = NodeCapacity(milliCPU: 1500, memory: 4 << 30)
    try await ClusterFixture.with(options: options) { fixture in
      let container: JSON = ["resources": ["limits": ["cpu": "700m", "memory": "1Gi"]]]
      _ = try await fixture.cluster.create(ClusterFixture.set("web", container: container))
      await fixture.cluster.settle()
      #expect(
        try await fixture.pods() == ["web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:1 not ready"])
      let condition = try await fixture.pod("web-2").condition("PodScheduled")
      #expect(condition?["message"]?.string == "0/1 nodes are available: 1 Insufficient cpu.")
      try await fixture.cluster.delete(.statefulSets, ClusterFixture.name("web"), .none)
      await fixture.cluster.settle()
      _ = try await fixture.cluster.create(ClusterFixture.set("db", replicas: 2, container: container))
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["db-0 app:1 ready", "db-1 app:1 ready"])
    }
  }

  @Test("give a failed container a new id in the same pod")
  func killedContainer() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      let before = try await fixture.pod("web-0")
      try await fixture.cluster.killContainer(ClusterFixture.name("web-0"))
      await fixture.cluster.settle()
      let after = try await fixture.pod("web-0")
      #expect(after.uid == before.uid)
      #expect(after.containerID != before.containerID)
      #expect(after.app?["restartCount"]?.integer == 1)
      #expect(after.isReady)
    }
  }

  @Test("delete a set's pods and revisions with it, and keep its volumes")
  func deletion() async throws {
    try await ClusterFixture.with { fixture in
      let claims: JSON = [
        "volumeClaimTemplates": [["metadata": ["name": "p"], "spec": ["accessModes": ["ReadWriteOnce"]]]]
      ]
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 2, spec: claims))
      await fixture.cluster.settle()
      #expect(
        try await fixture.pod("web-1").json["spec"]?["volumes"]?[0]?["persistentVolumeClaim"]?["claimName"]
          == "p-web-1")
      try await fixture.cluster.delete(.statefulSets, ClusterFixture.name("web"), .none)
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == [])
      #expect(
        try await fixture.cluster.list(.controllerRevisions, namespace: nil, labels: .everything).items
          .isEmpty)
      let volumes = try await fixture.cluster.list(.volumeClaims, namespace: nil, labels: .everything).items
      #expect(volumes.map(\.name) == ["p-web-0", "p-web-1"])
      #expect(volumes[0].json["status"]?["phase"] == "Bound")
    }
  }

  @Test("replace no pod because of a webhook that rewrites images, because revisions are compared")
  func rewritingWebhook() async throws {
    var options = EmbeddedCluster.Options()
    options.admission = { object in
      guard object.kind == Resource.pods.kind else { return object }
      var pod = object
      pod.json["spec"]?["containers"] = [["name": "app", "image": "mirror.example/app:1"]]
      return pod
    }
    try await ClusterFixture.with(options: options) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      await fixture.cluster.settle()
      let before = try await fixture.cluster.list(.pods, namespace: nil, labels: .everything).items.map(\.uid)
      for _ in 0..<5 { await fixture.step(.seconds(60)) }
      #expect(
        try await fixture.cluster.list(.pods, namespace: nil, labels: .everything).items.map(\.uid) == before)
      let status = try await fixture.set("web").json["status"]
      #expect(status?["currentRevision"] == status?["updateRevision"])
    }
  }

  @Test("create nothing on disk for a pod without delays, files and scripts")
  func nothingOnDisk() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      await fixture.cluster.settle()
      #expect(!FileManager.default.fileExists(atPath: "\(fixture.directory)/pods"))
      #expect(!FileManager.default.fileExists(atPath: "\(fixture.directory)/run"))
    }
  }

  @Test("run no timer but a backoff while configured")
  func idle() async throws {
    try await ClusterFixture.with(images: [.init(image: "*:1")]) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      await fixture.cluster.settle()
      #expect(fixture.clock.sleeperCount == 0)
      try await fixture.patch("web", ClusterFixture.image("registry.example/app:2"))
      await fixture.cluster.settle()
      while fixture.clock.sleeperCount == 0 { await Task.yield() }
      #expect(fixture.clock.sleeperCount == 1)
    }
  }

  @Test("continue pending work after a stop and restart")
  func runAgain() async throws {
    try await ClusterFixture.with(images: [.init(image: "*", pull: .seconds(5))], runs: false) { fixture in
      let first = Task { try await fixture.cluster.run() }
      while await !fixture.cluster.isRunning { await Task.yield() }
      _ = try await fixture.cluster.create(ClusterFixture.set("web"))
      await fixture.cluster.settle()
      await #expect(throws: EmbeddedClusterError.self) { try await fixture.cluster.run() }
      first.cancel()
      try await first.value
      let second = Task { try await fixture.cluster.run() }
      while await !fixture.cluster.isRunning { await Task.yield() }
      await fixture.step(.seconds(5))
      #expect(try await fixture.pods() == ["web-0 app:1 ready", "web-1 app:1 ready", "web-2 app:1 ready"])
      second.cancel()
      try await second.value
    }
  }

  @Test("start and upgrade many sets at once")
  func fleet() async throws {
    try await ClusterFixture.with { fixture in
      await withTaskGroup { group in
        for number in 0..<100 {
          group.addTask { _ = try? await fixture.cluster.create(ClusterFixture.set("set\(number)")) }
        }
      }
      await fixture.cluster.settle()
      let pods1 = try await fixture.pods()
      #expect(pods1.count == 300 && pods1.allSatisfy { $0.hasSuffix("app:1 ready") })
      await withTaskGroup { group in
        for number in 0..<100 {
          group.addTask {
            _ = try? await fixture.patch("set\(number)", ClusterFixture.image("registry.example/app:2"))
          }
        }
      }
      await fixture.cluster.settle()
      let pods2 = try await fixture.pods()
      #expect(pods2.count == 300 && pods2.allSatisfy { $0.hasSuffix("app:2 ready") })
    }
  }
}

extension ClusterFixture {
  /// Advances the time, with everything that becomes due.
  func step(_ time: Duration = .seconds(1)) async {
    await cluster.settle()
    clock.advance(by: time)
    await cluster.settle()
  }
}
