import ClusterAPI
import Diagnostics
import EmbeddedCluster
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import TestSupport
import Testing
import Values

@testable import Reconciler

/// A reconciler that follows a repository to which a test pushes, on an embedded cluster. The test acts as
/// the engine.
final class ReconcilerFixture: Sendable {
  let user: TemporaryRepository
  let store: EmbeddedCluster
  let reconciler: Reconciler
  let recorder: ReportRecorder
  /// Stops until it is advanced.
  let clock: TestClock

  private init(
    user: TemporaryRepository, store: EmbeddedCluster, reconciler: Reconciler, recorder: ReportRecorder,
    clock: TestClock
  ) {
    self.user = user
    self.store = store
    self.reconciler = reconciler
    self.recorder = recorder
    self.clock = clock
  }

  /// Runs the daemon while the test body runs.
  ///
  /// - Parameters:
  ///   - files: The files of the first commit.
  ///   - site: The remote, its clone and the cluster; another daemon may have used them before.
  ///   - isStill: true if only the test advances the time.
  ///   - once: true for a daemon in converge-once mode.
  ///   - log: Receives the daemon's log.
  ///   - wrap: Wraps the daemon's access to the cluster.
  ///   - records: Wraps the daemon's access to its own records in the cluster.
  static func open(
    _ files: [String: String?] = [:], at site: Site? = nil, settings: Reconciler.Settings = .init(),
    isStill: Bool = false, once: Bool = false, stamp: Stamp = .forTests, log: RecordedLog? = nil,
    wrap: (EmbeddedCluster) -> any ClusterAPI = { $0 },
    records: (EmbeddedCluster) -> any ClusterAPI = { $0 },
    _ body: @Sendable (ReconcilerFixture) async throws -> Void
  ) async throws {
    let site = try site ?? Site()
    if !files.isEmpty {
      try site.user.commit(files)
      try site.user.push()
    }
    let logger = Logger(label: "test") { _ in log ?? SwiftLogNoOpLogHandler() as any LogHandler }
    let store = try await site.store()
    let recorder = ReportRecorder()
    let clock = TestClock()
    let record = Site.record(in: records(store), of: settings.branch, stamp)
    let reconciler = Reconciler(
      mirror: try await Mirror.open(Remote(GitURL(site.forge.path)), at: site.mirror), api: wrap(store),
      settings: settings, stamp: stamp,
      records: RecorderRecords(recorder: recorder, notes: site.notes, revision: record),
      observers: [recorder],
      logger: logger, clock: isStill ? clock : ContinuousClock())
    let fixture = ReconcilerFixture(
      user: site.user, store: store, reconciler: reconciler, recorder: recorder, clock: clock)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await recorder.ended(await reconciler.run(once: once)) }
      do {
        try await body(fixture)
      } catch {
        group.cancelAll()
        throw error
      }
      group.cancelAll()
    }
    await site.notes.keep(recorder.objects)
  }

  /// Commits, pushes and notifies the daemon.
  @discardableResult
  func push(_ files: [String: String?], _ message: String = "Change") async throws -> String {
    let commit = try user.commit(files, message)
    try user.push()
    await reconciler.sync()
    return commit
  }

  func object(_ resource: Resource, _ name: String) async -> Object? {
    try? await store.get(resource, ObjectName(namespace: "default", name: name))
  }

  /// A live cluster.
  @discardableResult
  func cluster(_ name: String, where holds: (Object) -> Bool = { _ in true }) async -> Object? {
    await until {
      guard let object = await self.object(.clusters, name), holds(object) else { return nil }
      return object
    }
  }

  func patch(_ name: String, _ merge: JSON) async throws {
    _ = try await store.patch(.clusters, ObjectName(namespace: "default", name: name), merge: merge)
  }

  /// Writes a status as the engine would, and waits until the daemon has seen it.
  ///
  /// - Parameters:
  ///   - reason: The reason of the stall.
  ///   - waiting: What the last change of a configured cluster waits for.
  ///   - hasSeen: false if the engine has not started with the last change.
  @discardableResult
  func engine(
    _ name: String, _ state: ClusterStatus.State = .configured, app: String? = nil,
    upgrade: UpgradeInfo? = nil, stalled: String? = nil, reason: StatusReason = .errImagePull,
    isSuspended: Bool = false, waiting: String? = nil, hasSeen: Bool = true, roles: [RoleStatus] = []
  ) async throws -> Object {
    let old = try #require(await cluster(name))
    var object = old
    var conditions: [Condition] = []
    if let stalled {
      conditions.append(
        Condition(type: .stalled, status: true, reason: reason, message: stalled, lastTransition: 0))
    }
    if isSuspended {
      conditions.append(
        Condition(
          type: .progressing, status: false, reason: .suspended, message: "", lastTransition: 0))
    }
    if let waiting {
      conditions.append(
        Condition(
          type: .progressing, status: true, reason: .waitingForConnections, message: waiting,
          lastTransition: 0,
          observedGeneration: object.generation))
    }
    object.json["status"] =
      ClusterStatus(
        state: state, app: app ?? object.json["spec"]?["app"]?.string ?? "", upgradeInfo: upgrade,
        specCommit: hasSeen ? Provenance(of: object)?.specCommit : nil,
        observedGeneration: object.generation - (hasSeen ? 0 : 1), roles: roles, conditions: conditions
      ).json
    let written = try await store.updateStatus(object)
    // The object may have been replaced or deleted by now.
    await until {
      let seen = await self.reconciler.liveState.objects[written.reference]?.resourceVersion
      return await self.object(.clusters, name)?.resourceVersion == seen ? true : nil
    }
    return written
  }

  /// The report on an object of a commit.
  @discardableResult
  func report(
    _ commit: String, _ name: String, where holds: @Sendable (ObjectReport) -> Bool = { _ in true }
  ) async -> ObjectReport? {
    await until {
      await self.recorder.objects[commit]?.first { $0.name == name && holds($0) }
    }
  }

  /// Waits until the daemon is idle.
  func rest() async {
    await until { await self.reconciler.isIdle ? true : nil }
  }

  /// Waits until the daemon has processed the last push.
  func reconciled(_ commit: String) async {
    await until {
      await self.reconciler.isAtRest(at: commit) ? true : nil
    }
  }
}

// The state of a running reconciler that tests read.
extension Reconciler {
  func isAtRest(at commit: String) -> Bool { desired.head?.hex == commit && isIdle }

  var isIdle: Bool {
    !scheduler.isInPass && !mayStep && branch.fetch.head != nil && desired.head != nil && pending.isEmpty
      && drift.drifted.isEmpty && !ledger.hasDirtyObjects
  }

  var isInPass: Bool { scheduler.isInPass }
  var areReportsDelayed: Bool { scheduler.areReportsDelayed }
  var fetchedHead: ObjectID? { branch.fetch.head }
  var signatureCheck: SignatureCheck? { branch.signatures.last }
  var drifted: Set<ObjectReference> { drift.drifted }
  var hasPending: Bool { !pending.isEmpty }
  /// The number of objects judged so far.
  var judgedCount: Int { pending.judgedCount }
}

/// Polls until there is a value; a cancelled task gets none.
@discardableResult
func until<Value: Sendable>(_ poll: () async -> Value?) async -> Value? {
  while !Task.isCancelled {
    if let found = await poll() { return found }
    await Task.yield()
  }
  return nil
}

/// The remote, its clone and the cluster that successive daemons share.
final class Site: Sendable {
  let forge: TemporaryRepository
  let user: TemporaryRepository
  let notes = Notes()
  private let folder: TemporaryFolder
  private let opened = Opened()

  init() throws {
    forge = try TemporaryRepository(bare: true)
    user = try forge.clone()
    try user.git("checkout", "--quiet", "-B", "main")
    folder = try TemporaryFolder()
  }

  var mirror: String { folder.path + "/mirror.git" }

  /// Deletes the clone, which only this machine has.
  func forgetMirror() throws {
    try TemporaryRepository.run(["rm", "-rf", mirror], in: nil)
  }

  /// The record of the last attempted revision.
  static func record(
    in api: any ClusterAPI, of branch: String = "main", _ stamp: Stamp = .forTests
  ) -> LastAttemptedRevision {
    LastAttemptedRevision(api, namespace: home, installation: "default", branch: branch, stamp: stamp)
  }

  private static let home = "kdops-system"

  /// The object with the daemons' records; nil if there is none.
  func records() async throws -> Object? {
    try await store().list(.configMaps, namespace: Self.home, labels: .everything).items.first
  }

  /// Removes the records, as if earlier daemons had been of a version that writes none.
  func forgetRecords() async throws {
    guard let record = try await records() else { return }
    try await store().delete(.configMaps, record.objectName, .none)
  }

  /// Keeps a copy of the clone for later.
  func keepMirror() throws {
    try TemporaryRepository.run(["cp", "-r", mirror, mirror + ".kept"], in: nil)
  }

  /// Replaces the clone by the kept copy, as on a machine that was away since then.
  func restoreMirror() throws {
    try forgetMirror()
    try TemporaryRepository.run(["mv", mirror + ".kept", mirror], in: nil)
  }

  func store() async throws -> EmbeddedCluster { try await opened.store(in: folder.path) }

  private actor Opened {
    private var cluster: EmbeddedCluster?
    func store(in folder: String) async throws -> EmbeddedCluster {
      if let cluster { return cluster }
      let made = try await EmbeddedCluster.open(
        directory: folder, sandbox: .noScripts, catalog: ImageCatalog([]),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      cluster = made
      return made
    }
  }

  /// The commit reports, as a later daemon reads them.
  actor Notes {
    private var objects: [String: [ObjectReport]] = [:]
    func keep(_ new: [String: [ObjectReport]]) { objects.merge(new) { $1 } }
    func report(of commit: ObjectID) -> CommitReport? {
      objects[commit.hex].map { CommitReport(commit: commit.hex, objects: $0) }
    }
  }
}

/// The latest report of each commit, and corrected drift.
actor ReportRecorder: ReconcileObserver {
  func handle(_ event: ReconcileEvent) {
    switch event {
    case .commit(let report): take(report)
    case .cluster(let cluster): clusters[cluster.reference.name] = cluster.report
    case .driftCorrected(let object, _): putBack.append(object.name)
    case .reconciled(let head, let requests):
      reconciled.append(Reconciled(head: head?.hex, requests: requests))
    case .clusterGone, .blocked, .head, .reverted, .fetched: break
    }
  }

  private(set) var objects: [String: [ObjectReport]] = [:]
  private(set) var putBack: [String] = []
  /// The commits that passes have applied, with the requests to fetch that this answered.
  private(set) var reconciled: [Reconciled] = []
  struct Reconciled: Sendable {
    var head: String?
    var requests: [SyncID]
  }
  /// The phases in each commit's note, in order.
  private(set) var phases: [String: [Phase]] = [:]
  private func take(_ report: CommitReport) {
    objects[report.commit] = report.objects
    phases[report.commit, default: []].append(report.phase)
  }
  /// The latest report of each cluster.
  private(set) var clusters: [String: ObjectReport] = [:]
  /// The reports of all blocked changes, in order.
  private(set) var blocked: [BlockedChangeList] = []
  func take(_ now: BlockedChangeList) { blocked.append(now) }
  /// Values that a test keeps for later.
  private(set) var kept: [String] = []
  func keep(_ commits: [String]) { kept += commits }
  private var action: (@Sendable () async -> Void)?
  /// Runs an action when the daemon next reads a commit's report, which happens between an evaluation and its
  /// result.
  func beforeNextReport(_ work: @escaping @Sendable () async -> Void) { action = work }
  func willReadReport() async {
    let work = action
    action = nil
    await work?()
  }
  /// How the daemon ended; nil while it runs.
  private(set) var outcome: Reconciler.Outcome?
  func ended(_ outcome: Reconciler.Outcome) { self.outcome = outcome }
}

/// The records of earlier daemons, as a reconciler under test reads and writes them.
struct RecorderRecords: ReconcileRecords {
  let recorder: ReportRecorder
  let notes: Site.Notes
  let revision: LastAttemptedRevision

  func lastReport(of commit: ObjectID) async -> CommitReport? {
    await recorder.willReadReport()
    return await notes.report(of: commit)
  }

  func lastAttempted() async throws(APIError) -> LastAttemptedRevision.Reading { try await revision.read() }
  func storeLastAttempted(_ commit: ObjectID) async throws(APIError) { try await revision.write(commit) }
  func store(_ blocked: BlockedChangeList) async -> Bool {
    await recorder.take(blocked)
    return true
  }
}

/// Records without content, as a first daemon finds them. Nothing is stored.
struct NoRecords: ReconcileRecords {
  func lastReport(of commit: ObjectID) async -> CommitReport? { nil }
  func lastAttempted() async throws(APIError) -> LastAttemptedRevision.Reading { .none }
  func storeLastAttempted(_ commit: ObjectID) async throws(APIError) {}
  func store(_ blocked: BlockedChangeList) async -> Bool { true }
}
