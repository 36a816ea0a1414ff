import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Reports
import Rules
import Synchronization
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Adoption of clusters of another operator", .timeLimit(.minutes(10)))
struct ForeignAdoptionTests {
  private static let adoption: [String: String?] = [
    "clusters/old.yaml": Files.cluster(
      "old", "1.0.0", members: 1, "annotations: {\(Wire.Annotation.adopt): \"true\"}")
  ]

  private static let foreignStatus: JSON = [
    "state": "configured", "clusterService": "kdhs-2b7qd", "generationUID": "1d0e",
    "roles": [
      [
        "id": "worker", "statefulSet": "kdss-x8fgh",
        "members": [["pod": "kdss-x8fgh-0", "nodeID": 1, "state": "configured"]],
      ]
    ],
  ]

  /// A cluster `old` that was created by hand, and the objects that another operator created for it.
  private static func open(
    status: JSON? = foreignStatus, hasSet: Bool = true, isStill: Bool = false,
    wrap: (EmbeddedCluster) -> any ClusterAPI = { $0 },
    _ body: @Sendable (ReconcilerFixture) async throws -> Void
  ) async throws {
    try await ReconcilerFixture.open(Files.shops("model"), isStill: isStill, wrap: wrap) { fixture in
      let model = try await fixture.engine("model")
      var old = try await fixture.store.create(
        Object(.clusters, namespace: "default", name: "old", content: ["spec": model.json["spec"] ?? .null]))
      if let status {
        old.json["status"] = status
        old = try await fixture.store.updateStatus(old)
      }
      if hasSet { try await makeSet(of: old, in: fixture) }
      let version = old.resourceVersion
      await until {
        await fixture.reconciler.liveState.objects[old.reference]?.resourceVersion == version ? true : nil
      }
      await fixture.rest()
      try await body(fixture)
    }
  }

  private static func makeSet(of cluster: Object, in fixture: ReconcilerFixture) async throws {
    let labels = [Wire.Label.cluster: "old", Wire.Label.role: "worker", Wire.Label.app: "web-1.0.0"]
    let template: JSON = [
      "metadata": ["labels": JSON(labels)], "spec": ["containers": [["name": "app", "image": "web:1"]]],
    ]
    _ = try await fixture.store.create(
      Object(
        .statefulSets, namespace: "default", name: "kdss-x8fgh", labels: labels,
        owners: [OwnerReference(cluster)],
        content: [
          "spec": [
            "serviceName": "kdhs-2b7qd", "podManagementPolicy": "Parallel", "replicas": 1,
            "selector": ["matchLabels": JSON(labels)], "template": template,
          ]
        ]))
  }

  @Test(
    "rejects a cluster with another operator's status or StatefulSets before anything is written",
    arguments: [(true, true), (true, false), (false, true)])
  func rejected(hasStatus: Bool, hasSet: Bool) async throws {
    try await Self.open(status: hasStatus ? Self.foreignStatus : nil, hasSet: hasSet) { fixture in
      let before = try #require(await fixture.object(.clusters, "old"))
      let set = await fixture.object(.statefulSets, "kdss-x8fgh")
      let commit = try await fixture.push(Self.adoption)
      let report = await fixture.report(commit, "old")
      #expect(report?.verdict == .rejected && report?.phase == .rejected)
      #expect(report?.rules.first == "cluster/adoption-shape")
      let names = hasStatus ? "(clusterService, generationUID)" : "StatefulSet kdss-x8fgh"
      #expect(report?.message?.contains(names) == true)
      #expect(
        report?.message?.contains("moving a cluster here from another operator is not supported") == true)
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "old") == before)
      #expect(await fixture.object(.statefulSets, "kdss-x8fgh") == set)
    }
  }

  @Test("adopts a cluster after the other operator's objects are gone")
  func gone() async throws {
    try await Self.open(status: nil) { fixture in
      let commit = try await fixture.push(Self.adoption)
      #expect(await fixture.report(commit, "old")?.verdict == .rejected)
      let set = ObjectName(namespace: "default", name: "kdss-x8fgh")
      try await fixture.store.delete(.statefulSets, set, .none)
      let adopted = await fixture.cluster("old") { $0.label(Wire.Label.source) == "default" }
      #expect(adopted != nil)
      let report = await fixture.report(commit, "old") { $0.verdict == .accepted }
      #expect(report != nil)
    }
  }

  @Test("judges a rejected adoption again after pauses that grow to ten minutes")
  func pauses() async throws {
    try await Self.open(isStill: true) { fixture in
      let commit = try await fixture.push(Self.adoption)
      await fixture.reconciled(commit)
      // Reports are sent half a second after the last ones. The daemon may set that timer after any of these steps.
      let report = await until {
        fixture.clock.advance(by: .milliseconds(500))
        return await fixture.recorder.objects[commit]?.first { $0.name == "old" }
      }
      #expect(report?.verdict == .rejected)
      // The time that passes before the next judgement, in steps of half a minute.
      func pause() async -> Duration {
        let before = await fixture.reconciler.judgedCount
        var passed = Duration.zero
        await until {
          fixture.clock.advance(by: .seconds(30))
          passed += .seconds(30)
          return await fixture.reconciler.judgedCount > before ? true : nil
        }
        return passed
      }
      for _ in 0..<11 { _ = await pause() }
      let longest = await pause()
      #expect(longest >= .seconds(570), "\(longest)")
    }
  }

  @Test("fails the commit if the other operator starts after the adoption")
  func late() async throws {
    try await Self.open(status: nil, hasSet: false) { fixture in
      let commit = try await fixture.push(Self.adoption)
      let adopted = await fixture.cluster("old") { $0.label(Wire.Label.source) == "default" }
      var old = try #require(adopted)
      old.json["status"] = Self.foreignStatus
      _ = try await fixture.store.updateStatus(old)
      let report = await fixture.report(commit, "old") { $0.phase == .failed }
      #expect(report?.message?.hasPrefix("kdops leaves this cluster alone: its status is written by") == true)
    }
  }

  @Test("defers the adoption until the cluster's objects can be read, then evaluates them")
  func unread() async throws {
    let forbidden = ForbiddenReadAPI()
    try await Self.open(status: nil, wrap: { forbidden.placed(before: $0) }) { fixture in
      forbidden.failsList = true
      let commit = try await fixture.push(Self.adoption)
      let report = await fixture.report(commit, "old") { $0.verdict == .waiting }
      #expect(report?.message?.contains("is not adopted before its objects were read") == true)
      #expect(await fixture.object(.clusters, "old")?.label(Wire.Label.source) == nil)
      forbidden.failsList = false
      let later = await fixture.report(commit, "old") { $0.verdict == .rejected }
      #expect(later?.rules.first == "cluster/adoption-shape")
    }
  }
}

/// Lists no StatefulSets while that is requested.
private final class ForbiddenReadAPI: ForwardingAPI, @unchecked Sendable {
  private let failing = Mutex(false)
  var failsList: Bool {
    get { failing.withLock { $0 } }
    set { failing.withLock { $0 = newValue } }
  }

  override func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    if resource == .statefulSets, failsList { throw APIError(.unavailable, "no answer") }
    return try await super.list(resource, namespace: namespace, labels: labels)
  }
}
