import ClusterAPI
import Diagnostics
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
        "members": [
          ["pod": "kdss-x8fgh-0", "nodeID": 1, "state": "configured", "pvc": "p-kdss-x8fgh-0"]
        ],
      ]
    ],
  ]

  /// A cluster `old` that was created by hand, and the objects that another operator created for it.
  private static func open(
    status: JSON? = foreignStatus, hasSet: Bool = true, hasService: Bool = false, isStill: Bool = false,
    at site: Site? = nil, wrap: (EmbeddedCluster) -> any ClusterAPI = { $0 },
    _ body: @Sendable (ReconcilerFixture) async throws -> Void
  ) async throws {
    try await ReconcilerFixture.open(Files.shops("model"), at: site, isStill: isStill, wrap: wrap) {
      fixture in
      let model = try await fixture.engine("model")
      var old = try await fixture.store.create(
        Object(.clusters, namespace: "default", name: "old", content: ["spec": model.json["spec"] ?? .null]))
      if hasService {
        try await makeClaim(of: old, in: fixture)
        old.json["metadata"]?["finalizers"] = ["kubedirector.hpe.com/cleanup", "example.com/theirs"]
        old = try await fixture.store.update(old)
        try await makeService(of: old, in: fixture)
      }
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

  /// KubeDirector's claim template names the cluster as the owner.
  private static func makeClaim(of cluster: Object, in fixture: ReconcilerFixture) async throws {
    _ = try await fixture.store.create(
      Object(
        .volumeClaims, namespace: "default", name: "p-kdss-x8fgh-0", labels: [Wire.Label.cluster: "old"],
        owners: [OwnerReference(cluster)], content: ["spec": [:]]))
  }

  private static func makeService(of cluster: Object, in fixture: ReconcilerFixture) async throws {
    _ = try await fixture.store.create(
      Object(
        .services, namespace: "default", name: "kdhs-2b7qd", labels: [Wire.Label.cluster: "old"],
        owners: [OwnerReference(cluster)],
        content: ["spec": ["clusterIP": "None", "selector": JSON([Wire.Label.headless: "old"])]]))
  }

  private static func makeSet(of cluster: Object, in fixture: ReconcilerFixture) async throws {
    let labels = [
      Wire.Label.cluster: "old", Wire.Label.role: "worker", Wire.Label.app: "web-1.0.0",
      Wire.Label.appCatalog: "local", Wire.Label.headless: "old",
    ]
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
    "rejects a cluster whose objects are missing or unknown before anything is written",
    arguments: [(true, true), (true, false), (false, true)])
  func rejected(hasStatus: Bool, hasSet: Bool) async throws {
    try await Self.open(status: hasStatus ? Self.foreignStatus : nil, hasSet: hasSet) { fixture in
      let before = try #require(await fixture.object(.clusters, "old"))
      let set = await fixture.object(.statefulSets, "kdss-x8fgh")
      let commit = try await fixture.push(Self.adoption)
      let report = await fixture.report(commit, "old")
      #expect(report?.verdict == .rejected && report?.phase == .rejected)
      #expect(report?.rules.first == "cluster/adoption-shape")
      #expect(report?.message?.contains("cannot be adopted: ") == true)
      #expect(report?.message?.contains("StatefulSet kdss-x8fgh") == true)
      await fixture.reconciled(commit)
      #expect(await fixture.object(.clusters, "old") == before)
      #expect(await fixture.object(.statefulSets, "kdss-x8fgh") == set)
    }
  }

  // MARK: Adopted

  private static let steps = [
    "patch StatefulSet kdss-x8fgh", "patch PersistentVolumeClaim p-kdss-x8fgh-0",
    "status KubeDirectorCluster old", "update KubeDirectorCluster old",
  ]

  private static func expectAdopted(_ fixture: ReconcilerFixture, template: JSON?) async throws {
    let live = await fixture.cluster("old") {
      $0.label(Wire.Label.source) == "default" && Stamp.forTests.holds($0.json)
    }
    let old = try #require(live)
    #expect(old.json["metadata"]?["finalizers"] == ["example.com/theirs"])
    let status = try #require(ClusterStatus(old.json["status"]))
    #expect(status.state == .configured && !status.isStalled && status.observedGeneration == old.generation)
    let adopted = AdoptedCluster(
      headlessService: "kdhs-2b7qd", headlessSelector: [Wire.Label.headless: "old"], app: "web-1.0.0")
    #expect(status.adopted == adopted)
    #expect(status.members.map(\.pod) == ["kdss-x8fgh-0"] && status.members.map(\.app) == ["web-1.0.0"])
    let set = try #require(await fixture.object(.statefulSets, "kdss-x8fgh"))
    #expect(set.annotation(Wire.Annotation.image) == "web:1")
    #expect(set.generation == 1 && set.json["spec"]?["template"] == template)
    #expect(await fixture.object(.volumeClaims, "p-kdss-x8fgh-0")?.owners == [])
  }

  @Test("adopts a cluster as it is: image annotation, claims, then status, then owner without the finalizer")
  func adopted() async throws {
    let writes = CountedWritesAPI()
    try await Self.open(hasService: true, wrap: { writes.placed(before: $0) }) { fixture in
      let set = await fixture.object(.statefulSets, "kdss-x8fgh")
      let commit = try await fixture.push(Self.adoption)
      let report = await fixture.report(commit, "old") { $0.verdict == .accepted }
      #expect(report != nil)
      try await Self.expectAdopted(fixture, template: set?.json["spec"]?["template"])
      await fixture.reconciled(commit)
      #expect(writes.made == Self.steps)
      let done = await fixture.report(commit, "old") { $0.phase == .done }
      #expect(done != nil)
    }
  }

  @Test("continues an adoption whose daemon was killed after any write", arguments: 0...3)
  func killed(after limit: Int) async throws {
    let site = try Site()
    let (dying, later) = (CountedWritesAPI(limit: limit), CountedWritesAPI())
    let template = Mutex<JSON?>(nil)
    try await Self.open(hasService: true, at: site, wrap: { dying.placed(before: $0) }) { fixture in
      let set = await fixture.object(.statefulSets, "kdss-x8fgh")
      template.withLock { $0 = set?.json["spec"]?["template"] }
      try await fixture.push(Self.adoption)
      await until { dying.hasRefused ? true : nil }
      #expect(await fixture.object(.clusters, "old")?.label(Wire.Label.source) == nil)
    }
    try await ReconcilerFixture.open(at: site, wrap: { later.placed(before: $0) }) { fixture in
      try await Self.expectAdopted(fixture, template: template.withLock { $0 })
    }
    #expect(dying.made + later.made == Self.steps)
  }

  /// The other operator is started once after the adoption: it writes its status and its finalizer.
  private static func takeOver(_ fixture: ReconcilerFixture) async throws {
    var old = try #require(await fixture.object(.clusters, "old"))
    old.json["metadata"]?["finalizers"] = ["kubedirector.hpe.com/cleanup", "example.com/theirs"]
    old = try await fixture.store.update(old)
    old.json["status"] = foreignStatus
    old = try await fixture.store.updateStatus(old)
    let version = old.resourceVersion
    let reference: ObjectReference = old.reference
    await until {
      await fixture.reconciler.liveState.objects[reference]?.resourceVersion == version ? true : nil
    }
    await fixture.rest()
  }

  @Test(
    "adopts a cluster again by a change of its file after the other operator has run, killed after any write",
    arguments: 0...2)
  func again(after limit: Int) async throws {
    let site = try Site()
    let dying = CountedWritesAPI(limit: Self.steps.count + limit)
    let later = CountedWritesAPI()
    let template = Mutex<JSON?>(nil)
    let changed: [String: String?] = [
      "clusters/old.yaml": Files.cluster(
        "old", "1.0.0", members: 1, "annotations: {\(Wire.Annotation.adopt): \"true\", team: a}")
    ]
    try await Self.open(hasService: true, at: site, wrap: { dying.placed(before: $0) }) { fixture in
      let set = await fixture.object(.statefulSets, "kdss-x8fgh")
      template.withLock { $0 = set?.json["spec"]?["template"] }
      let first = try await fixture.push(Self.adoption)
      try await Self.expectAdopted(fixture, template: template.withLock { $0 })
      await fixture.reconciled(first)
      try await Self.takeOver(fixture)
      try await fixture.push(changed)
      if limit < 2 {
        await until { dying.hasRefused ? true : nil }
      } else {
        await fixture.cluster("old") { $0.annotation("team") == "a" }
      }
    }
    try await ReconcilerFixture.open(at: site, wrap: { later.placed(before: $0) }) { fixture in
      await fixture.cluster("old") { $0.annotation("team") == "a" }
      try await Self.expectAdopted(fixture, template: template.withLock { $0 })
    }
    // The image annotation and the claim are still as the first adoption has written them.
    #expect(dying.made + later.made == Self.steps + Self.steps.suffix(2))
  }

  @Test("rejects an adoption that also upgrades, before anything is written")
  func changed() async throws {
    let writes = CountedWritesAPI()
    try await Self.open(hasService: true, wrap: { writes.placed(before: $0) }) { fixture in
      let commit = try await fixture.push([
        "apps/1.1.0.json": Files.app("1.1.0"),
        "clusters/old.yaml": Files.cluster(
          "old", "1.1.0", members: 1, "annotations: {\(Wire.Annotation.adopt): \"true\"}"),
      ])
      let report = await fixture.report(commit, "old")
      #expect(report?.verdict == .rejected)
      #expect(report?.message?.contains("cannot be adopted and changed at once") == true)
      #expect(writes.made == [])
    }
  }

  // MARK: Rejected

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
      #expect(
        report?.message?.hasPrefix("kdops does not manage this cluster: its status is written by") == true)
    }
  }

  @Test("does not adopt a cluster with volumes whose claims it may not read")
  func unreadClaims() async throws {
    let forbidden = ForbiddenReadAPI()
    forbidden.failsClaims = true
    try await Self.open(hasService: true, wrap: { forbidden.placed(before: $0) }) { fixture in
      let commit = try await fixture.push(Self.adoption)
      let report = await fixture.report(commit, "old") { $0.verdict == .waiting }
      #expect(report?.message?.contains("is not adopted before its objects were read") == true)
      #expect(await fixture.object(.clusters, "old")?.label(Wire.Label.source) == nil)
      forbidden.failsClaims = false
      let adopted = await fixture.cluster("old") { $0.label(Wire.Label.source) == "default" }
      #expect(adopted != nil)
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

/// Records the writes to the cluster `old` and its objects, and refuses those after a limit.
private final class CountedWritesAPI: ForwardingAPI, @unchecked Sendable {
  private let limit: Int
  private let state = Mutex<(made: [String], hasRefused: Bool)>(([], false))
  var made: [String] { state.withLock { $0.made } }
  var hasRefused: Bool { state.withLock { $0.hasRefused } }

  init(limit: Int = .max) {
    self.limit = limit
    super.init()
  }

  private func count(_ verb: String, _ kind: String, _ name: String) throws(APIError) {
    guard ["old", "kdss-x8fgh", "p-kdss-x8fgh-0"].contains(name) else { return }
    let isRefused = state.withLock { state in
      guard state.made.count < limit else {
        state.hasRefused = true
        return true
      }
      state.made.append("\(verb) \(kind) \(name)")
      return false
    }
    if isRefused { throw APIError(.unavailable, "killed") }
  }

  override func update(_ object: Object) async throws(APIError) -> Object {
    try count("update", object.kind, object.name)
    return try await super.update(object)
  }

  override func updateStatus(_ object: Object) async throws(APIError) -> Object {
    try count("status", object.kind, object.name)
    return try await super.updateStatus(object)
  }

  override func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object
  {
    try count("patch", resource.kind, name.name)
    return try await super.patch(resource, name, merge: merge)
  }
}

/// Lists no StatefulSets, or no volume claims, while that is requested.
private final class ForbiddenReadAPI: ForwardingAPI, @unchecked Sendable {
  private let failing = Mutex<(list: Bool, claims: Bool)>((false, false))
  var failsList: Bool {
    get { failing.withLock { $0.list } }
    set { failing.withLock { $0.list = newValue } }
  }
  var failsClaims: Bool {
    get { failing.withLock { $0.claims } }
    set { failing.withLock { $0.claims = newValue } }
  }

  override func list(_ resource: Resource, namespace: String?, labels: LabelSelector) async throws(APIError)
    -> ObjectList
  {
    if resource == .statefulSets, failsList { throw APIError(.unavailable, "no answer") }
    if resource == .volumeClaims, failsClaims {
      throw APIError(.forbidden, "persistentvolumeclaims is forbidden")
    }
    return try await super.list(resource, namespace: namespace, labels: labels)
  }
}
