import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Logging
import TestSupport
import Testing
import Values

@testable import Controller

@Suite("A cluster whose app has not been observed")
struct MissingAppTests {
  private static let name = ObjectName(namespace: "prod", name: "analytics")
  private let folder: TemporaryFolder
  private let api: EmbeddedCluster
  private let engine: Engine

  init() async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    folder = try TemporaryFolder()
    api = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]), logger: logger)
    engine = Engine(
      api: api, settings: .init(systemNamespace: "system"), stamp: .forTests, logger: logger,
      clock: TestClock(), now: { 0 })
  }

  /// The engine has observed the cluster, and no app.
  private func see() async throws {
    let spec = Fixture.cluster().spec.raw
    var asked = Object(
      .clusters, namespace: "prod", name: "analytics", annotations: [:], content: ["spec": spec])
    asked.json = Stamp.forTests.on(asked.json)
    let cluster = try await api.create(asked)
    for resource in [Resource.apps, .statefulSets, .pods, .services, .disruptionBudgets] {
      _ = await engine.cache.take(.all([]), of: resource)
    }
    _ = await engine.cache.take(.all([cluster]), of: .clusters)
  }

  private func stall() async throws -> StatusReason? {
    try await engine.reconcile(Self.name)
    let status = try #require(ClusterStatus(try await api.get(.clusters, Self.name).json["status"]))
    return status.stall?.reason
  }

  private func make(in namespace: String) async throws {
    _ = try await api.create(
      Object(.apps, namespace: namespace, name: "spark-1.0.0", content: ["spec": Fixture.app().raw]))
  }

  @Test("does not stall if the app exists", arguments: ["prod", "system"])
  func lag(_ namespace: String) async throws {
    try await make(in: namespace)
    try await see()
    #expect(try await stall() == nil)
  }

  @Test("stalls if the app does not exist, until its creation is observed")
  func missing() async throws {
    try await see()
    #expect(try await stall() == "AppMissing")
    try await make(in: "prod")
    let app = try await api.get(.apps, ObjectName(namespace: "prod", name: "spark-1.0.0"))
    _ = await engine.cache.take(.changed(app), of: .apps)
    #expect(try await stall() == nil)
  }
}
