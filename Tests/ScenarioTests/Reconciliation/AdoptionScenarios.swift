import ClusterAPI
import Installation
import KubeDirector
import Testing
import Values

@Suite("Adopting a cluster that already runs", needsBubblewrap)
struct AdoptionScenarios {
  @Test(
    "a cluster with a StatefulSet that KubeDirector has not finished is rejected with a reason and stays unchanged",
    arguments: Backend.available)
  func foreign(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(
      app: "1.0.0", annotations: [Wire.Annotation.adopt: "true"])
    try await scenario(fixture, files, start: false) { scene in
      let operatorObjects = OperatorObjects(fixture)
      try await scene.written { api in
        // Nothing here removes the operator's finalizer, so the namespace could not be deleted.
        var cluster = operatorObjects.cluster()
        cluster.json["metadata"]?["finalizers"] = nil
        cluster = try await api.create(cluster)
        _ = try await api.create(operatorObjects.set("worker", replicas: 0, of: cluster))
        var withStatus = cluster
        withStatus.json["status"] = operatorObjects.status(pods: [])
        _ = try await api.updateStatus(withStatus)
      }
      let before = try #require(try await scene.cluster())
      let set = try await scene.list(.statefulSets, [Wire.Label.cluster: "shop"]).first
      try await scene.start()
      let note = try await scene.note(try scene.forge.first(), phase: "rejected")
      let report = try #require(note.object("shop"))
      #expect(report.rules.first == "cluster/adoption-shape")
      #expect(report.message?.contains("role worker has 0 members and requests 1") == true)
      try await staying(for: .seconds(1), "cluster and StatefulSet as they were") {
        let sets = try await scene.list(.statefulSets, [Wire.Label.cluster: "shop"])
        return try await scene.cluster() == before && sets.map(\.name) == ["kdss-worker"]
          && sets.allSatisfy { $0.generation == 1 && $0.labels == set?.labels }
      }
    }
  }

  @Test(
    "a cluster of KubeDirector's operator keeps its pods; its first upgrade and a rollback work, in both orders",
    needsKubernetes, arguments: [false, true])
  func adopted(failsFirst: Bool) async throws {
    let fixture = Fixture(.kubernetes, workers: 2, .init(version: "1.2", failsUpgraded: 3))
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(
      app: "1.0.0", annotations: [Wire.Annotation.adopt: "true"])
    try await scenario(fixture, files, start: false, prunes: true) { scene in
      try await create(OperatorObjects(fixture), in: scene)
      let before = try await scene.pods()
      let services = try await scene.names(.services)
      #expect(before.count == 4)
      try await scene.start()
      try await scene.note(try scene.forge.first(), phase: "done")
      try await scene.configured("1.0.0")

      try await staying(for: .seconds(10), "pods and services as they were") {
        let (pods, names) = (try await scene.pods(), try await scene.names(.services))
        return pods == before && names == services
      }
      let claims = try await scene.list(.volumeClaims, .everything)
      #expect(claims.count == 2 && claims.allSatisfy { $0.owners.isEmpty })
      let adopted = try #require(try await scene.cluster())
      #expect(adopted.json["metadata"]?["finalizers"] == nil)
      #expect(try await scene.status()?.isStalled == false)

      func files(_ version: String) -> [String: String?] {
        [
          Fixture.appPath(version): fixture.app(version),
          Fixture.clusterPath("shop"): fixture.cluster(
            app: version, annotations: [Wire.Annotation.adopt: "true"]),
        ]
      }
      func upgrade() async throws {
        let commit = try scene.forge.push(files("1.1.0"), "Upgrade shop")
        try await scene.note(commit, phase: "done")
        try await scene.configured("1.1.0")
        try await expect(scene, image: fixture.image("1.1.0"), services)
      }
      if !failsFirst { try await upgrade() }
      let old = failsFirst ? "1.0.0" : "1.1.0"
      let broken = try scene.forge.push(files("1.2.0"), "Upgrade shop to a version whose scripts fail")
      try await scene.eventually("stalled upgrade") {
        try await scene.status()?.isStalled == true ? true : nil
      }
      _ = try scene.forge.revert(broken)
      try await scene.configured(old)
      #expect(try await scene.status()?.isStalled == false)
      let touched = try await scene.pods().filter { before[$0.key] != $0.value }
      let others = touched.filter { $0.value.image != fixture.image(old) && !$0.key.contains("gateway") }
      #expect(others == [:])
      if failsFirst { try await upgrade() }
      try await expect(scene, image: fixture.image("1.1.0"), services)
    }
  }

  @Test(
    "a cluster with volumes waits for the permission to change claims; new pods have the new image, volumes stay",
    needsKubernetes)
  func withVolumes() async throws {
    let fixture = Fixture(.kubernetes, workers: 2)
    func file(workers: Int) -> [String: String?] {
      [
        Fixture.clusterPath("shop"): fixture.cluster(
          app: "1.0.0", workers: workers, annotations: [Wire.Annotation.adopt: "true"])
      ]
    }
    let files = fixture.shop().merging(file(workers: 2)) { $1 }
    try await scenario(fixture, files, start: false, judges: false) { scene in
      try await create(OperatorObjects(fixture), upgradedFrom: "1.2.0", in: scene)
      let before = try await scene.pods()
      let upgraded = try #require(try await scene.read(.statefulSets, "kdss-worker"))
      #expect(!Self.hasCaughtUp(upgraded))
      try await scene.start()
      let first = try scene.forge.first()
      let waiting = try await scene.note(first, phase: "waiting")
      #expect(waiting.object("shop")?.message?.contains("persistentvolumeclaims") == true)
      try await Self.grantVolumes(scene)
      try await scene.note(first, phase: "done")
      try await scene.configured("1.0.0")
      try await scene.eventually("current revision that has caught up") { () -> Bool? in
        let set = try await scene.read(.statefulSets, "kdss-worker")
        let partition = set?.json["spec"]?["updateStrategy"]?["rollingUpdate"]?["partition"]?.integer
        return set.map(Self.hasCaughtUp) == true && partition == 1000 ? true : nil
      }
      #expect(try await scene.pods() == before)

      try await scene.written { try await $0.delete(.pods, scene.name("kdss-worker-0"), .none) }
      try await scene.note(try scene.forge.push(file(workers: 3), "Add a worker"), phase: "done")
      let pods = try await scene.eventually("three workers") {
        let pods = try await scene.pods().filter { $0.key.hasPrefix("kdss-worker") && $0.value.isReady }
        return pods.count == 3 ? pods : nil
      }
      #expect(pods["kdss-worker-0"]?.uid != before["kdss-worker-0"]?.uid)
      #expect(pods.values.allSatisfy { $0.image == fixture.image("1.0.0") })
      let claims = try await scene.eventually("three claims without an owner") {
        let claims = try await scene.list(.volumeClaims, .everything)
        return claims.count == 3 && claims.allSatisfy(\.owners.isEmpty) ? claims : nil
      }

      try await scene.killAll()
      try await scene.written { try await $0.delete(.clusters, scene.name("shop"), .none) }
      try await scene.eventually("end of the StatefulSets") {
        try await scene.list(.statefulSets, .everything).isEmpty ? true : nil
      }
      try await staying(for: .seconds(5), "claims as they were") {
        try await scene.list(.volumeClaims, .everything).map(\.uid) == claims.map(\.uid)
      }
    }
  }

  private static func hasCaughtUp(_ set: Object) -> Bool {
    let status = set.json["status"]
    return status?["currentRevision"] == status?["updateRevision"]
  }

  /// As the page about RBAC says for daemons that do not prune.
  private static func grantVolumes(_ scene: Scene) async throws {
    let site = try #require(scene.site as? KubernetesSite)
    let place = scene.fixture.namespace
    let account = "\(site.settings.namespace):\(InstallationSettings.serviceAccount)"
    try await Tool.kubectl(
      "create", "role", "kdops-volumes", "-n", place, "--verb=list,patch", "--resource=persistentvolumeclaims"
    )
    try await Tool.kubectl(
      "create", "rolebinding", "kdops-volumes", "-n", place, "--role=kdops-volumes",
      "--serviceaccount=\(account)")
  }

  /// Every pod has the image, and its host name in `configmeta.json` is below a service that exists.
  private func expect(_ scene: Scene, image: String, _ services: [String]) async throws {
    #expect(try await scene.names(.services) == services)
    for (name, pod) in try await scene.pods() {
      guard !name.hasPrefix("kdss-gateway") else { continue }
      #expect(pod.image == image, "\(name)")
      let meta = try await scene.site.file("/etc/guestconfig/configmeta.json", in: scene.name(name))
      let fqdn = "\(name).\(OperatorObjects.headless).\(scene.fixture.namespace).svc.cluster.local"
      #expect(meta?.contains(fqdn) == true, "\(name)")
    }
  }

  private func readyPods(_ scene: Scene, where holds: (Object) -> Bool) async throws -> [Object] {
    try await scene.eventually("ready pods of the operator") {
      let pods = try await scene.list(.pods, [Wire.Label.cluster: "shop"])
      let ready = pods.filter { PodSight($0).isReady && holds($0) }
      return ready.count == 4 ? ready : nil
    }
  }

  /// - Parameter old: the version that the workers had before the operator upgraded them; nil if it did not.
  private func create(
    _ objects: OperatorObjects, upgradedFrom old: String? = nil, in scene: Scene
  ) async throws {
    try await scene.written { api in
      let cluster = try await api.create(objects.cluster())
      for service in objects.services(of: cluster) { _ = try await api.create(service) }
      for (role, count) in OperatorObjects.roles {
        var set = objects.set(role, replicas: count, of: cluster)
        if role == "worker", let old { objects.set(&set, image: scene.fixture.image(old)) }
        _ = try await api.create(set)
      }
    }
    var pods = try await readyPods(scene) { _ in true }
    if old != nil {
      let image = scene.fixture.image("1.0.0")
      let workers = pods.map(\.name).filter { $0.hasPrefix("kdss-worker") }
      try await scene.written { api in
        var set = try await api.get(.statefulSets, scene.name("kdss-worker"))
        objects.set(&set, image: image)
        _ = try await api.update(set)
        for worker in workers { try await api.delete(.pods, scene.name(worker), .none) }
      }
      pods = try await readyPods(scene) { !workers.contains($0.name) || PodSight($0).image == image }
    }
    for pod in pods where !pod.name.hasPrefix("kdss-worker") {
      try await Tool.kubectl(
        "exec", "-n", scene.fixture.namespace, pod.name, "--", "/bin/sh", "-c", OperatorObjects.installs)
    }
    try await scene.written { api in
      var cluster = try await api.get(.clusters, scene.name("shop"))
      cluster.json["status"] = objects.status(pods: pods)
      _ = try await api.updateStatus(cluster)
    }
  }
}
