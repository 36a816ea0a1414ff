import ClusterAPI
import Controller
import EmbeddedCluster
import GitStore
import Installation
import KubeDirector
import Logging
import Reconciler
import Reports
import TestSupport
import Testing
import Values

@Suite("Granted and used permissions")
struct UseTests {
  private static let shop = ObjectName(namespace: "prod", name: "shop")

  /// - Parameter tag: of the image of the role `worker`.
  private static func app(_ version: String, tag: String) -> String {
    """
    {"apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp",
     "metadata": {"name": "web-\(version)", "namespace": "prod"},
     "spec": {"label": {"name": "Web"}, "distroID": "example/web", "version": "\(version)", "upgradable": true,
      "configSchemaVersion": 7,
      "defaultConfigPackage": {"packageURL": "file:///opt/web.tgz", "useNewSetupLayout": true},
      "services": [{"id": "http", "label": {"name": "HTTP"}, "endpoint": {"port": 80}}],
      "roles": [{"id": "worker", "cardinality": "1+", "imageRepoTag": "web:\(tag)"},
                {"id": "front", "cardinality": "0+", "imageRepoTag": "front:1"}],
      "config": {"selectedRoles": ["worker", "front"],
                 "roleServices": [{"roleID": "worker", "serviceIDs": ["http"]}], "configMeta": {}}}}
    """
  }

  private static func cluster(_ version: String, _ members: [(role: String, count: Int)]) -> String {
    """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata: {name: shop, namespace: prod}
    spec:
      app: web-\(version)
      connections: {configmaps: [site]}
      namingScheme: CrNameRole
      roles:

    """
      + members.map { role, count in
        "    - {id: \(role), members: \(count), resources: {limits: {cpu: 100m, memory: 64Mi}}}\n"
      }.joined()
  }

  /// Permissions that a lifecycle without a real server does not use.
  private static let elsewhere: [Use] = [
    // Before it runs a command, the client of a real server checks that the container is still the intended
    // one.
    Use(.get, .pods), Use(.create, .pods, "exec"),
    // The display of a stall looks up the cluster's file.
    Use(.get, .clusters),
  ]

  @Test(
    "the full lifecycle of a cluster needs no other permission, and uses every granted one",
    .timeLimit(.minutes(10)))
  func life() async throws {
    let forge = try TemporaryRepository(bare: true)
    let user = try forge.clone()
    try user.git("checkout", "--quiet", "-B", "main")
    func push(_ files: [String: String?]) throws {
      try user.commit(files)
      try user.push()
    }
    try push([
      "apps/1.0.json": Self.app("1.0.0", tag: "1.0"),
      "clusters/shop.yaml": Self.cluster("1.0.0", [("worker", 2), ("front", 1)]),
    ])

    let folder = try TemporaryFolder()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let store = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts,
      catalog: ImageCatalog([.init(image: "web:1.0"), .init(image: "front:*")]), logger: logger)
    let api = Recorder(store)
    let eventRecorder = EventRecorder(api: api, now: { 0 })
    let engine = Engine(
      api: api, stamp: .forTests, logger: logger, clock: ContinuousClock(), eventRecorder: eventRecorder,
      now: { 1_700_000_000 })
    let reconciler = Reconciler(
      mirror: try await Mirror.open(Remote(GitURL(forge.path)), at: folder.path + "/mirror.git"), api: api,
      settings: Reconciler.Settings(branch: "main"), stamp: .forTests, records: NoRecords(),
      logger: logger, clock: ContinuousClock())

    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await store.run() }
      group.addTask { await eventRecorder.run() }
      group.addTask { await engine.run() }
      group.addTask { await reconciler.run() }
      try await rests(on: "web-1.0.0", in: store)

      // A missing image, and the remediation.
      try push([
        "apps/1.1.json": Self.app("1.1.0", tag: "none"),
        "clusters/shop.yaml": Self.cluster("1.1.0", [("worker", 2), ("front", 1)]),
      ])
      await reconciler.sync()
      try await shop(in: store) { $0.stall != nil }
      try user.git("revert", "--no-edit", "HEAD")
      try user.push()
      await reconciler.sync()
      try await rests(on: "web-1.0.0", in: store)
      await until {
        try? await store.get(.apps, ObjectName(namespace: "prod", name: "web-1.1.0"))
      } is: {
        $0 == nil
      }

      // Fewer members, one role less, and the app in another file.
      try push([
        "apps/1.0.json": nil, "apps/web.json": Self.app("1.0.0", tag: "1.0"),
        "clusters/shop.yaml": Self.cluster("1.0.0", [("worker", 1)]),
      ])
      await reconciler.sync()
      try await rests(on: "web-1.0.0", in: store) {
        $0.roles.count == 1 && $0.roles.first?.members.count == 1
      }
      let front = ObjectName(namespace: "prod", name: "shop-front")
      await until {
        try? await store.get(.statefulSets, front)
      } is: {
        $0 == nil
      }

      // The same event is reported twice.
      for _ in 0..<2 { eventRecorder.announce(try await announcement(store)) }
      await until {
        api.uses.contains(Use(.patch, .events))
      } is: {
        $0
      }
      group.cancelAll()
    }

    let granted = Set(Permission.tenant(prunes: false).flatMap(\.uses))
    #expect(api.uses.subtracting(granted).sorted() == [], "used and not granted")
    #expect(granted.subtracting(api.uses).subtracting(Self.elsewhere).sorted() == [], "granted and not used")
  }

  @Test("to delete clusters, and to list and patch volume claims, are granted only to daemons that prune")
  func prunes() {
    var settings = InstallationSettings()
    func granted() -> Set<Use> { Set(settings.grants.flatMap(\.permissions).flatMap(\.uses)) }
    let without = granted()
    settings.otherSettings = ["prune": true]
    #expect(
      granted().subtracting(without)
        == [Use(.delete, .clusters), Use(.list, .volumeClaims), Use(.patch, .volumeClaims)])
  }

  private func announcement(_ store: EmbeddedCluster) async throws -> RecordedEvent {
    let shop = try await store.get(.clusters, Self.shop)
    return RecordedEvent(
      about: Object.Reference(
        apiVersion: shop.apiVersion, kind: shop.kind, name: shop.objectName, uid: shop.uid),
      reason: "Tested", message: "again")
  }

  /// Waits until the cluster is configured with an app.
  private func rests(
    on app: String, in store: EmbeddedCluster,
    _ holds: @escaping @Sendable (ClusterStatus) -> Bool = { _ in true }
  ) async throws {
    try await shop(in: store) {
      $0.state == .configured && $0.upgradeInfo == nil && $0.app == app && holds($0)
    }
  }

  private func shop(in store: EmbeddedCluster, _ holds: @escaping @Sendable (ClusterStatus) -> Bool)
    async throws
  {
    await until {
      try? await store.get(.clusters, Self.shop)
    } is: { shop in
      guard let shop, let status = ClusterStatus(shop.json["status"]) else { return false }
      return status.observedGeneration == shop.generation && holds(status)
    }
    try Task.checkCancellation()
  }

  /// Polls until the value is as expected, or the test's time is over.
  private func until<Value: Sendable>(_ look: () async -> Value, is holds: (Value) -> Bool) async {
    while !Task.isCancelled {
      if holds(await look()) { return }
      await Task.yield()
    }
  }
}

/// Records that are not stored.
private struct NoRecords: ReconcileRecords {
  func lastReport(of commit: ObjectID) async -> CommitReport? { nil }
  func lastAttempted() async throws(APIError) -> LastAttemptedRevision.Reading { .none }
  func storeLastAttempted(_ commit: ObjectID) async throws(APIError) {}
  func store(_ blocked: BlockedChangeList) async -> Bool { true }
}
