import ClusterAPI
import EmbeddedCluster
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Controller

/// A cluster with three workers and a gateway, as KubeDirector's operator leaves it, after its adoption.
private struct AdoptedFixture: Sendable {
  static let name = ObjectName(namespace: EmbeddedEngine.namespace, name: "old")
  static let sets = ["worker": "kdss-x8fgh", "gateway": "kdss-p2k4t"]
  static let headless = "kdhs-2b7qd"

  let cache: EmbeddedEngine
  /// Whether workers have volumes.
  let hasStorage: Bool

  static func with(
    hasStorage: Bool = false, _ body: @escaping @Sendable (AdoptedFixture) async throws -> Void
  ) async throws {
    try await EmbeddedEngine.with { cache in
      let fixture = AdoptedFixture(cache: cache, hasStorage: hasStorage)
      let cluster = try await fixture.makeObjects()
      try await fixture.adopt(cluster)
      try await body(fixture)
    }
  }

  private static func labels(_ role: String) -> [String: String] {
    [
      Wire.Label.cluster: name.name, Wire.Label.role: role, Wire.Label.app: "app-1.0",
      Wire.Label.appCatalog: "local", Wire.Label.headless: name.name,
    ]
  }

  private func makeObjects() async throws -> Object {
    let model = try await cache.api.get(.clusters, EmbeddedEngine.name)
    var made = Object(
      .clusters, namespace: Self.name.namespace, name: Self.name.name,
      content: ["spec": model.json["spec"] ?? [:]])
    if hasStorage {
      var roles = made.json["spec"]?["roles"]?.array ?? []
      roles[0]["storage"] = ["size": "1Gi"]
      made.json["spec"]?["roles"] = .array(roles)
    }
    let cluster = try await cache.api.create(made)
    _ = try await cache.api.create(
      Object(
        .services, namespace: Self.name.namespace, name: Self.headless,
        labels: [Wire.Label.cluster: Self.name.name], owners: [OwnerReference(cluster)],
        content: ["spec": ["clusterIP": "None", "selector": JSON([Wire.Label.headless: Self.name.name])]]))
    for (role, name) in Self.sets {
      let labels = Self.labels(role)
      var spec: JSON = [
        "serviceName": .string(Self.headless), "podManagementPolicy": "Parallel",
        "replicas": role == "worker" ? 3 : 1, "selector": ["matchLabels": JSON(labels)],
        "updateStrategy": ["type": "RollingUpdate"],
        "template": [
          "metadata": ["labels": JSON(labels)],
          "spec": [
            "containers": [["name": "app", "image": .string("\(role):1.0"), "env": [["name": "X"]]]]
          ],
        ],
      ]
      if hasStorage, role == "worker" { spec["volumeClaimTemplates"] = [Self.claimTemplate(of: cluster)] }
      _ = try await cache.api.create(
        Object(
          .statefulSets, namespace: Self.name.namespace, name: name, labels: labels,
          owners: [OwnerReference(cluster)], content: ["spec": spec]))
    }
    await cache.api.settle()
    return cluster
  }

  /// KubeDirector's claim template names the cluster as the owner of the claims.
  private static func claimTemplate(of cluster: Object) -> JSON {
    let owner: JSON = [
      "apiVersion": .string(cluster.apiVersion), "kind": .string(cluster.kind), "name": .string(cluster.name),
      "uid": .string(cluster.uid), "controller": true, "blockOwnerDeletion": true,
    ]
    return [
      "metadata": ["name": "p", "ownerReferences": [owner]],
      "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]],
    ]
  }

  private func foreignStatus() async throws -> JSON {
    var node = 0
    var roles: [JSON] = []
    let pods = try await pods()
    for (role, set) in Self.sets.sorted(by: { $0.key > $1.key }) {
      var members: [JSON] = []
      for pod in pods where pod.label(Wire.Label.role) == role {
        node += 1
        let container = pod.json["status"]?["containerStatuses"]?[0]?["containerID"]?.string ?? ""
        members.append([
          "pod": .string(pod.name), "nodeID": JSON(node), "state": "configured", "service": "n/a",
          "stateDetail": ["lastConfiguredContainer": .string(container)],
        ])
      }
      roles.append(["id": .string(role), "statefulSet": .string(set), "members": .array(members)])
    }
    return [
      "state": "configured", "clusterService": .string(Self.headless), "generationUID": "1d0e",
      "lastNodeID": JSON(node), "roles": .array(roles),
    ]
  }

  /// Writes what the reconciler writes.
  private func adopt(_ cluster: Object) async throws {
    var cluster = cluster
    cluster.json["status"] = try await foreignStatus()
    let mine: LabelSelector = [Wire.Label.cluster: Self.name.name]
    let services = try await cache.api.list(.services, namespace: Self.name.namespace, labels: mine).items
    let sets = try await sets()
    let objects = ForeignObjects(
      cluster: cluster.json, sets: sets.map(\.json), services: services.map(\.json),
      claims: try await claims().map(\.json))
    let adoption = ForeignAdoption(objects)
    #expect(adoption.problems == [])
    for entry in adoption.entries where entry.kind == "StatefulSet" {
      guard case .write(let annotations, _) = entry.decision else { continue }
      _ = try await cache.api.patch(
        .statefulSets, ObjectName(namespace: Self.name.namespace, name: entry.name),
        merge: ["metadata": ["annotations": JSON(annotations)]])
    }
    for entry in adoption.entries where entry.decision == .release {
      _ = try await cache.api.patch(
        .volumeClaims, ObjectName(namespace: Self.name.namespace, name: entry.name),
        merge: ["metadata": ["ownerReferences": []]])
    }
    cluster.json["status"] = try #require(adoption.status).json
    _ = try await cache.api.updateStatus(cluster)
    try await commit(app: "app-1.0")
  }

  func commit(app: String, members: Int = 3) async throws {
    var cluster = try await cache.api.get(.clusters, Self.name)
    cluster.json["spec"]?["app"] = .string(app)
    var roles = cluster.json["spec"]?["roles"]?.array ?? []
    roles[0]["members"] = JSON(members)
    cluster.json["spec"]?["roles"] = .array(roles)
    cluster.json = Stamp.forTests.on(cluster.json)
    _ = try await cache.api.update(cluster)
  }

  /// Runs passes until nothing changes any more.
  func settle() async throws {
    for _ in 0..<100 {
      let before = try await cache.api.list(.apps, namespace: nil, labels: .everything).resourceVersion
      try await cache.see()
      do {
        try await cache.engine.reconcile(Self.name)
      } catch {
        // Sets and pods changed meanwhile; the next pass observes it.
        guard error.kind == .conflict else { throw error }
      }
      await cache.api.settle()
      let after = try await cache.api.list(.apps, namespace: nil, labels: .everything).resourceVersion
      if before == after { return }
    }
    Issue.record("does not come to rest")
  }

  private func list(_ resource: Resource) async throws -> [Object] {
    let mine: LabelSelector = [Wire.Label.cluster: Self.name.name]
    return try await cache.api.list(resource, namespace: Self.name.namespace, labels: mine).items
      .sorted { $0.name < $1.name }
  }
  func pods() async throws -> [Object] { try await list(.pods) }
  func sets() async throws -> [Object] { try await list(.statefulSets) }
  func claims() async throws -> [Object] { try await list(.volumeClaims) }
  func services() async throws -> [String] { try await list(.services).map(\.name) }
  func images() async throws -> [String] {
    let pods = try await pods()
    return pods.map { EmbeddedEngine.image($0) }
  }

  func status() async throws -> ClusterStatus {
    let cluster = try await cache.api.get(.clusters, Self.name)
    return try #require(ClusterStatus(cluster.json["status"]))
  }

  /// Every pod belongs to its set, and has the labels by which the set selects it.
  func expectOwnedPods() async throws {
    let sets = try await sets()
    for pod in try await pods() {
      let found = sets.first { $0.name == DerivedNames.stemOfPod(pod.name) }
      let set = try #require(found)
      let owners = pod.owners.map(\.uid)
      #expect(owners == [set.uid])
      let selector = set.json["spec"]?["selector"]?["matchLabels"]?.strings ?? [:]
      let others = selector.filter { pod.labels[$0.key] != $0.value }
      #expect(selector.count == 5 && others == [:])
    }
  }

  /// The pods that the headless service gives host names to.
  func namedPods() async throws -> [String] {
    let service = try await cache.api.get(
      .services, ObjectName(namespace: Self.name.namespace, name: Self.headless))
    let selector = service.json["spec"]?["selector"]?.strings ?? [:]
    return try await pods().filter { pod in selector.allSatisfy { pod.labels[$0.key] == $0.value } }
      .map(\.name)
  }
}

@Suite("A cluster adopted from KubeDirector's operator")
struct AdoptedClusterTests {
  @Test("keeps its pods, templates and services, and is ready")
  func kept() async throws {
    try await AdoptedFixture.with { fixture in
      let pods = try await fixture.pods()
      let sets = try await fixture.sets()
      try await fixture.settle()
      let left = try await fixture.pods().map(\.uid)
      #expect(left == pods.map(\.uid) && left.count == 4)
      #expect(try await fixture.services() == [AdoptedFixture.headless])
      let kept = try await fixture.sets()
      for (before, after) in zip(sets, kept) {
        #expect(before.name == after.name && before.uid == after.uid)
        #expect(before.json["spec"]?["template"] == after.json["spec"]?["template"])
      }
      let status = try await fixture.status()
      #expect(status.state == .configured && !status.isStalled && status.condition(.ready)?.status == true)
    }
  }

  @Test("is upgraded and rolled back pod by pod, and its pods stay in their sets")
  func upgrade() async throws {
    try await AdoptedFixture.with { fixture in
      try await fixture.settle()
      let before = try await fixture.pods()
      try await fixture.commit(app: "app-1.1")
      try await fixture.settle()
      #expect(try await fixture.images() == ["gateway:1.0"] + Array(repeating: "worker:1.1", count: 3))
      #expect(try await fixture.pods().first?.uid == before.first?.uid)
      #expect(try await fixture.status().app == "app-1.1")
      try await fixture.expectOwnedPods()

      // The image cannot be pulled, and the way back is a revert.
      try await fixture.commit(app: "app-1.2")
      try await fixture.settle()
      #expect(try await fixture.status().isStalled)
      try await fixture.commit(app: "app-1.1")
      try await fixture.settle()
      let status = try await fixture.status()
      #expect(status.app == "app-1.1" && status.state == .configured && !status.isStalled)
      #expect(try await fixture.images() == ["gateway:1.0"] + Array(repeating: "worker:1.1", count: 3))
      try await fixture.expectOwnedPods()
      #expect(try await fixture.services() == [AdoptedFixture.headless])
    }
  }

  @Test("returns to its first app from a first upgrade that does not end")
  func rollback() async throws {
    try await AdoptedFixture.with { fixture in
      try await fixture.settle()
      try await fixture.commit(app: "app-1.2")
      try await fixture.settle()
      #expect(try await fixture.status().isStalled)
      try await fixture.commit(app: "app-1.0")
      try await fixture.settle()
      let status = try await fixture.status()
      #expect(status.app == "app-1.0" && status.state == .configured && !status.isStalled)
      #expect(try await fixture.images() == ["gateway:1.0"] + Array(repeating: "worker:1.0", count: 3))
      try await fixture.expectOwnedPods()
    }
  }

  @Test("gets new members with its own names, below the headless service that exists")
  func resize() async throws {
    try await AdoptedFixture.with { fixture in
      try await fixture.settle()
      try await fixture.commit(app: "app-1.0", members: 4)
      try await fixture.settle()
      #expect(try await fixture.status().role("worker")?.members.last?.pod == "kdss-x8fgh-3")
      try await fixture.expectOwnedPods()
      try await fixture.commit(app: "app-1.0", members: 2)
      try await fixture.settle()
      #expect(try await fixture.pods().count == 3)
      #expect(try await fixture.services() == [AdoptedFixture.headless])
    }
  }

  @Test(
    "gets new members whose volumes outlive the cluster, although its claim template names it as the owner"
  )
  func newClaims() async throws {
    try await AdoptedFixture.with(hasStorage: true) { fixture in
      try await fixture.settle()
      try await fixture.commit(app: "app-1.0", members: 4)
      try await fixture.settle()
      let claims = try await fixture.claims()
      #expect(claims.map(\.name).contains("p-kdss-x8fgh-3") && claims.count == 4)
      #expect(claims.flatMap(\.owners).isEmpty)
      #expect(try await fixture.status().adopted?.newClaims == [])
    }
  }

  @Test("gives host names to the pods of a StatefulSet that is created again")
  func recreated() async throws {
    try await AdoptedFixture.with { fixture in
      try await fixture.settle()
      try await fixture.commit(app: "app-1.0", members: 0)
      try await fixture.settle()
      let empty = try await fixture.sets().map(\.uid)
      try await fixture.commit(app: "app-1.0", members: 2)
      try await fixture.settle()
      #expect(try await fixture.sets().map(\.uid) != empty)
      let pods = try await fixture.pods().map(\.name)
      #expect(try await fixture.namedPods() == pods && pods.count == 3)
    }
  }

  // MARK: - Names

  private static var status: ClusterStatus {
    var status = Fixture.status()
    status.adopted = AdoptedCluster(
      headlessService: "kdhs-2b7qd", headlessSelector: [Wire.Label.headless: "analytics"], app: "spark-1.0.0")
    status.roles[0].statefulSet = "kdss-x8fgh"
    status.roles[0].members[0].pod = "kdss-x8fgh-0"
    status.roles[0].members[0].service = "s-kdss-x8fgh-0"
    return status
  }

  @Test("has host names below the service that exists, in configmeta.json, pods and arguments")
  func hostNames() throws {
    let domain = "kdhs-2b7qd.prod.svc.cluster.local"
    let meta = ConfigMeta(
      cluster: Fixture.cluster(), status: Self.status, app: Fixture.app(), clusterDomain: "cluster.local",
      stamp: .forTests)
    let node = meta.json(role: "controller", member: Self.status.roles[0].members[0])["node"]
    #expect(node?["fqdn"]?.string == "kdss-x8fgh-0.\(domain)" && node?["domain"]?.string == domain)
    let set = try Fixture.set("controller", status: Self.status)
    #expect(set.json["spec"]?["serviceName"]?.string == "kdhs-2b7qd")
    #expect(set.json["spec"]?["template"]?["spec"]?["dnsConfig"]?["searches"] == [.string(domain)])
    #expect(set.json["spec"]?["template"]?["metadata"]?["labels"]?[Wire.Label.headless] == "analytics")
    let note = Notification(
      event: .addNodes, nodes: .init(role: "controller", statefulSet: "kdss-x8fgh", ordinals: [1]), id: "1")
    let words = note.words(
      cluster: Fixture.cluster().metadata, clusterDomain: "cluster.local", adopted: Self.status.adopted)
    #expect(words.contains("kdss-x8fgh-1.\(domain)"))
  }

  @Test("keeps a member's service unchanged until the member's first upgrade")
  func services() throws {
    let marks = ["s-kdss-x8fgh-0": "", "kdhs-2b7qd": ""]
    #expect(Fixture.builder(Self.status).outdated(marks, Fixture.app()) == [])
    #expect(Fixture.builder(Self.status).hasHeadless(marks))
    #expect(!Fixture.builder(Self.status).hasHeadless([:]))
    var upgraded = Self.status
    upgraded.roles[0].members[0].app = "spark-1.1.0"
    #expect(Fixture.builder(upgraded).outdated(marks, Fixture.app()) == ["s-kdss-x8fgh-0"])
    let role = try #require(Fixture.cluster().spec.role("controller"))
    let service = Fixture.builder(upgraded).memberService(role: role, services: [], pod: "kdss-x8fgh-0")
    #expect(service.name == "s-kdss-x8fgh-0")
  }
}
