import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import TestSupport
import Testing
import Values

@testable import Controller

/// The engine on an embedded cluster, run in single passes: it observes everything and acts, then sets and
/// pods follow. No role has a config package, so no command runs in a pod.
struct EmbeddedEngine: Sendable {
  static let namespace = "prod"
  static let name = ObjectName(namespace: namespace, name: "c")

  let api: EmbeddedCluster
  let engine: Engine

  /// A cluster with three workers and a gateway, configured with `app-1.0`. `app-1.1` has a different image
  /// for workers, `app-1.2` one that cannot be pulled.
  static func with(
    options: EmbeddedCluster.Options = .init(),
    _ body: @escaping @Sendable (EmbeddedEngine) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let api = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts,
      catalog: ImageCatalog([.init(image: "*:1.0"), .init(image: "*:1.1")]),
      time: ClusterTime(TestClock(), startingAt: .seconds(1_800_000_000)), logger: logger, options: options)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await api.run() }
      while await !api.isRunning { await Task.yield() }
      let cache = EmbeddedEngine(api: api, engine: another(api, logger))
      for version in ["1.0", "1.1", "1.2"] { try await cache.make(app: version) }
      try await cache.commit(app: "app-1.0")
      try await cache.settle()
      #expect(try await cache.status().state == .configured)
      try await body(cache)
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  private static func another(_ api: EmbeddedCluster, _ logger: Logger) -> Engine {
    Engine(api: api, stamp: .forTests, logger: logger, clock: TestClock(), now: { 1_800_000_000 })
  }

  /// Another daemon on the same cluster.
  func secondDaemon() -> EmbeddedEngine {
    EmbeddedEngine(api: api, engine: Self.another(api, engine.logger))
  }

  private func make(app version: String) async throws {
    let spec: JSON = [
      "label": ["name": "app"], "distroID": "app", "version": .string(version), "upgradable": true,
      "configSchemaVersion": 8,
      "roles": [
        ["id": "worker", "cardinality": "1+", "imageRepoTag": .string("worker:\(version)")],
        ["id": "gateway", "cardinality": "1", "imageRepoTag": "gateway:1.0"],
      ],
      "config": ["selectedRoles": ["worker", "gateway"], "roleServices": [], "configMeta": [:]],
    ]
    var app = Object(.apps, namespace: Self.namespace, name: "app-\(version)", content: ["spec": spec])
    app.json = Stamp.forTests.on(app.json)
    _ = try await api.create(app)
  }

  /// Applies a commit as the reconciler does.
  func commit(app: String) async throws {
    let found = try await api.list(.clusters, namespace: Self.namespace, labels: .everything).items.first {
      $0.objectName == Self.name
    }
    var cluster = found ?? Object(.clusters, namespace: Self.namespace, name: Self.name.name, content: [:])
    cluster.json["spec"] = Self.spec(app)
    cluster.json = Stamp.forTests.on(cluster.json)
    _ = found == nil ? try await api.create(cluster) : try await api.update(cluster)
  }

  /// Creates another cluster that is connected to this one.
  func makeNeighbour(_ name: String) async throws -> ObjectName {
    var spec = Self.spec("app-1.0")
    spec["connections"] = ["clusters": [.string(Self.name.name)]]
    var cluster = Object(.clusters, namespace: Self.namespace, name: name, content: ["spec": spec])
    cluster.json = Stamp.forTests.on(cluster.json)
    return try await api.create(cluster).objectName
  }

  private static func spec(_ app: String) -> JSON {
    let limits: JSON = ["limits": ["memory": "1Gi", "cpu": "1"]]
    return [
      "app": .string(app),
      "roles": [
        ["id": "worker", "members": 3, "resources": limits],
        ["id": "gateway", "members": 1, "resources": limits],
      ],
    ]
  }

  // MARK: - Passes

  func see() async throws {
    for resource in [
      Resource.apps, .statefulSets, .pods, .services, .disruptionBudgets, .clusters,
    ] {
      let list = try await api.list(resource, namespace: nil, labels: .everything)
      _ = await engine.cache.take(.all(list.items, version: list.resourceVersion), of: resource)
    }
  }

  /// Runs one pass.
  ///
  /// - Returns: Whether anything was written.
  @discardableResult
  func step() async throws -> Bool {
    let before = try await version()
    try await see()
    do {
      try await engine.reconcile(Self.name)
    } catch  where error.kind == .conflict {
      // Sets and pods changed meanwhile; the next pass observes it.
    }
    await api.settle()
    return try await version() != before
  }

  /// Runs passes until nothing changes any more, or until the condition is reached.
  func settle(until isReached: (ClusterStatus) -> Bool = { _ in false }) async throws {
    for _ in 0..<100 {
      guard try await step(), try await !isReached(status()) else { return }
    }
    Issue.record("does not come to rest")
  }

  private func version() async throws -> String {
    try await api.list(.apps, namespace: nil, labels: .everything).resourceVersion
  }

  // MARK: - State

  func status() async throws -> ClusterStatus {
    let cluster = try await api.get(.clusters, Self.name)
    return try #require(ClusterStatus(cluster.json["status"]))
  }

  func set(_ role: String) async throws -> Object {
    try await api.get(.statefulSets, ObjectName(namespace: Self.namespace, name: "c-\(role)"))
  }

  func pods() async throws -> [String: Object] {
    let pods = try await api.list(.pods, namespace: Self.namespace, labels: .everything).items
    return Dictionary(pods.map { (String($0.name.dropFirst(2)), $0) }, uniquingKeysWith: { $1 })
  }

  /// The pods' images in the order of the pods' names.
  func images() async throws -> [String] {
    try await pods().sorted { $0.key < $1.key }.map { Self.image($0.value) }
  }

  func image(of pod: String) async throws -> String? { try await pods()[pod].map(Self.image) }

  static func image(_ pod: Object) -> String {
    pod.json["spec"]?["containers"]?[0]?["image"]?.string ?? ""
  }

  func uids() async throws -> [String: String] { try await pods().mapValues(\.uid) }

  func delete(pod: String) async throws {
    try await api.delete(.pods, ObjectName(namespace: Self.namespace, name: "c-\(pod)"), .none)
    await api.settle()
  }
}
