import ClusterAPI
import EmbeddedCluster
import GitStore
import KubeDirector
import Logging
import Reports
import Synchronization
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Races between the engine and the reconciler")
struct RaceTests {
  private static let shop = ObjectName(namespace: "default", name: "shop")

  private static func app(_ version: String) -> String {
    """
    {"apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp", "metadata": {"name": "web-\(version)"},
     "spec": {"label": {"name": "Web"}, "distroID": "example/web", "version": "\(version)", "upgradable": true,
      "configSchemaVersion": 7, "roles": [{"id": "worker", "cardinality": "1+", "imageRepoTag": "web:\(version)"}],
      "config": {"selectedRoles": ["worker"], "roleServices": [], "configMeta": {}}}}
    """
  }

  private static func cluster(_ version: String) -> String {
    """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata: {name: shop}
    spec:
      app: web-\(version)
      roles: [{id: worker, members: 1, resources: {limits: {cpu: 100m, memory: 64Mi}}}]
    """
  }

  @Test(
    "evaluates a revert again if the upgrade ends before the revert is applied",
    .timeLimit(.minutes(10)))
  func rollbackTooLate() async throws {
    let forge = try TemporaryRepository(bare: true)
    let user = try forge.clone()
    try user.git("checkout", "--quiet", "-B", "main")
    try user.commit([
      "apps/1.0.json": Self.app("1.0.0"), "apps/1.1.json": Self.app("1.1.0"),
      "clusters/shop.yaml": Self.cluster("1.1.0"),
    ])
    try user.push()

    let folder = try TemporaryFolder()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let store = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]), logger: logger)
    let api = Interrupted()
    _ = api.placed(before: store)
    let recorder = ReportObserver()
    let reconciler = Reconciler(
      mirror: try await Mirror.open(Remote(GitURL(forge.path)), at: folder.path + "/mirror.git"), api: api,
      settings: Reconciler.Settings(branch: "main"), stamp: .forTests,
      records: NoRecords(), observers: [recorder], logger: logger, clock: ContinuousClock())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await reconciler.run() }
      await until { try? await store.get(.clusters, Self.shop) }

      // The engine is in the middle of the upgrade when the revert arrives ...
      try await Self.write(
        .updating, UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"), to: store)
      // ... and ends it while the app in the revert's commit is being created.
      api.onCreate {
        guard let ended = try? await Self.write(.configured, nil, to: store) else { return }
        await until {
          await reconciler.liveState.objects[ended.reference]?.resourceVersion == ended.resourceVersion
            ? true : nil
        }
      }
      let revert = try user.commit([
        "apps/other.json": Self.app("9.0.0"), "clusters/shop.yaml": Self.cluster("1.0.0"),
      ])
      try user.push()
      await reconciler.sync()
      let report = await until {
        await recorder.objects[revert]?.first { $0.name == "shop" && $0.phase != .pending }
      }
      #expect(report?.rules == ["upgrade/newer"])
      #expect(try await store.get(.clusters, Self.shop).json["spec"]?["app"]?.string == "web-1.1.0")
      group.cancelAll()
    }
  }

  @Test(
    "evaluates a cluster again that becomes configured between its evaluation and the report",
    .timeLimit(.minutes(10)))
  func wakeUp() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("shop", .updating)
      await fixture.rest()
      // The report on the app is written first.
      await fixture.recorder.beforeNextReport { _ = try? await fixture.engine("shop") }
      let commit = try await fixture.push([
        "apps/0.json": Files.app("0.0.0", cardinality: "none"), "apps/1.1.0.json": Files.app("1.1.0"),
        "clusters/shop.yaml": Files.cluster("shop", "1.1.0"),
      ])
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
    }
  }

  @Test(
    "evaluates an app again if the last cluster leaves it between its evaluation and the report",
    .timeLimit(.minutes(10)))
  func wakeUpOfAnother() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      try await fixture.push(Files.upgradeOfShop)
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine(
        "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"))
      await fixture.rest()
      await fixture.recorder.beforeNextReport { _ = try? await fixture.engine("shop") }
      try await fixture.push(["apps/0.json": Files.app("0.0.0", cardinality: "none"), "apps/1.0.0.json": nil])
      let isGone = await until { await fixture.object(.apps, "web-1.0.0") == nil ? true : nil }
      #expect(isGone == true)
    }
  }

  @Test("processes a head again if it could not be completed", .timeLimit(.minutes(10)))
  func takenInWhole() async throws {
    let site = try Site()
    let first = try site.user.commit(Files.shops("shop"))
    let head = try site.user.commit(["README.md": "two"])
    try site.user.push()
    let ref = Reconciler.lastAttemptedRef("main")
    try await ReconcilerFixture.open(at: site) { fixture in
      // During the pass, another process overwrites the last attempted revision.
      await fixture.recorder.beforeNextReport {
        _ = try? TemporaryRepository.run(["git", "-C", site.mirror, "update-ref", ref, first], in: nil)
      }
      await fixture.cluster("shop")
      await until {
        let stored = try? TemporaryRepository.run(["git", "-C", site.mirror, "rev-parse", ref], in: nil)
        return stored?.hasPrefix(head) == true ? true : nil
      }
    }
  }

  /// Writes a status as the engine would.
  @discardableResult
  private static func write(
    _ state: ClusterStatus.State, _ upgrade: UpgradeInfo?, to api: any ClusterAPI
  ) async throws -> Object {
    var object = try await api.get(.clusters, shop)
    object.json["status"] =
      ClusterStatus(
        state: state, app: "web-1.1.0", upgradeInfo: upgrade,
        specCommit: Provenance(of: object)?.specCommit, observedGeneration: object.generation
      ).json
    return try await api.updateStatus(object)
  }
}

/// The latest report of each commit.
private actor ReportObserver: ReconcileObserver {
  private(set) var objects: [String: [ObjectReport]] = [:]
  func handle(_ event: ReconcileEvent) {
    if case .commit(let report) = event { objects[report.commit] = report.objects }
  }
}

/// A cluster in which a concurrent change happens during the creation of an object.
private final class Interrupted: ForwardingAPI, @unchecked Sendable {
  private let interruption = Mutex<(@Sendable () async -> Void)?>(nil)

  /// Runs the work before the next creation, once.
  func onCreate(_ work: @escaping @Sendable () async -> Void) { interruption.withLock { $0 = work } }

  override func create(_ object: Object) async throws(APIError) -> Object {
    let work = interruption.withLock { work in
      defer { work = nil }
      return work
    }
    await work?()
    return try await super.create(object)
  }
}
