import ClusterAPI
import Controller
import Diagnostics
import EmbeddedCluster
import Forge
import FoundationEssentials
import GitStore
import KubeDirector
import Logging
import Manifests
import Reconciler
import Reports
import Rules
import ServiceLifecycle
import Signatures
import StatusWriter
import UnixSignals

/// A daemon with all its services: it manages one cluster from one repository.
public struct Daemon: Sendable {
  public struct Options: Sendable {
    public var remote: Remote
    public var branch = "main"
    /// The time between two fetches.
    public var interval: Duration = .seconds(60)
    /// The time between two resyncs of all objects with git.
    public var compareInterval: Duration = .seconds(1800)
    public var policy = Policy()
    public var acceptsRewrittenHistory = false
    public var history = History.net
    public var isAtomic = false
    public var fixesForward = false
    public var statusRefs = StatusRefs(notes: "refs/notes/kdops", tree: "refs/kdops/status")
    /// Whether a status that another cluster has written, found at the start, is overwritten.
    public var takesOverStatus = false
    /// The folder of the local repository.
    public var folder: String
    /// The time limit of a script; 0 for none.
    public var scriptTimeout: Duration = .seconds(600)
    public var progressDeadline: Duration = .zero
    /// Whether the daemon reverts a stalled upgrade by a commit of its own.
    public var revertsStalled = false
    /// The forge that receives commit statuses; nil for none.
    public var forge: ForgeSettings?
    /// The signatures that commits need.
    public var verify = SignaturePolicy()
    /// The author of the daemon's own commits.
    public var author = CommitAuthor.standard
    /// The private SSH key that signs the daemon's commits to the branch; nil for none.
    public var signingKey: String?

    /// The default options.
    ///
    /// - Parameter folder: the folder of the local repository.
    public init(remote: Remote, folder: String) { (self.remote, self.folder) = (remote, folder) }

    /// The engine's settings. The engine counts in whole seconds, so fractions are rounded up: a value below one second
    /// must not become 0, which means none.
    var engine: Engine.Settings {
      func seconds(_ time: Duration) -> Int {
        Int(time.components.seconds) + (time.components.attoseconds > 0 ? 1 : 0)
      }
      return Engine.Settings(
        systemNamespace: policy.systemNamespace, scriptTimeout: seconds(scriptTimeout),
        progressDeadline: progressDeadline == .zero ? nil : seconds(progressDeadline),
        installation: policy.installation, isTenant: { [policy] in policy.allows(namespace: $0) },
        tenancy: policy.tenancy)
    }

    var signatures: SignatureTools { SignatureTools(verify, folder: "\(folder)/signatures") }
    /// Signs the daemon's own commits to the branch; nil if it has no key.
    public var signer: CommitSigner? {
      signingKey.map { CommitSigner(key: $0, folder: "\(folder)/signatures") }
    }
  }

  /// A subscriber in addition to the status writer, such as a display. It receives the same events in the same order.
  public struct Observer: Sendable {
    public var commit: @Sendable (CommitReport) async -> Void
    /// The path is the file of the cluster; it is given if the cluster has stalled and needs a person to act.
    public var cluster: @Sendable (ObjectReference, ClusterStatus?, _ path: String?) async -> Void
    public var clusterGone: @Sendable (ObjectReference) async -> Void
    /// Receives all blocked changes each time that they change.
    public var blocked: @Sendable (BlockedChangeList) async -> Void

    /// - Parameter cluster: receives the path of the cluster's file if the cluster has stalled and needs a person to
    ///   act.
    public init(
      commit: @escaping @Sendable (CommitReport) async -> Void = { _ in },
      cluster: @escaping @Sendable (ObjectReference, ClusterStatus?, _ path: String?) async -> Void = {
        _, _, _ in
      },
      clusterGone: @escaping @Sendable (ObjectReference) async -> Void = { _ in },
      blocked: @escaping @Sendable (BlockedChangeList) async -> Void = { _ in }
    ) {
      (self.commit, self.cluster, self.clusterGone) = (commit, cluster, clusterGone)
      self.blocked = blocked
    }
  }

  let options: Options
  let logger: Logger
  let mirror: Mirror
  /// The cluster that the daemon manages.
  public let backend: Backend
  let eventRecorder: EventRecorder
  let engine: Engine
  /// Writes the status to git; `flush` writes all pending reports.
  public let writer: StatusWriter
  let forge: ForgeReporter?
  let activity: DaemonActivity
  /// Reconciles the cluster with the repository; `sync` makes it fetch now.
  public let reconciler: Reconciler

  /// Opens all parts of the daemon without starting them.
  ///
  /// - Parameters:
  ///   - home: the namespace of the daemon's own objects; nil for the system namespace.
  ///   - cluster: the display name of a Kubernetes cluster in statuses.
  ///   - activity: records what the daemon does.
  public static func open(
    _ options: Options, on backend: Backend, home: String? = nil, cluster: String = "Kubernetes",
    logger: Logger, observer: Observer = Observer(), activity: DaemonActivity = DaemonActivity(),
    leads: @escaping @Sendable () -> Bool = { true }
  ) async throws -> Daemon {
    let refs = options.statusRefs.suffixed(options.policy.installation)
    // The folder contains a copy of the repository, which other users of the machine may not be allowed to read.
    try FileManager.default.createDirectory(
      atPath: options.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let api = backend.api.within(options.policy)
    // About two minutes; after that, the supervisor restarts the daemon.
    let (stamp, id) = try await StartupRetry.patiently(limit: 10) { error, wait in
      logger.warning(
        "apiserver.unavailable", metadata: ["error": "\(error)", "retry": "\(wait.components.seconds)s"])
    } sleep: { wait in
      try await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
    } _: { () throws(APIError) -> (Stamp, String) in
      let (home, installation) = (home ?? options.policy.systemNamespace, options.policy.installation)
      let stamp = try await StampKey.obtain(from: backend.api, namespace: home, installation: installation)
      return (
        stamp,
        try await StampKey.clusterID(from: backend.api, namespace: home, installation: installation)
      )
    }
    let mirror = try await Mirror.open(options.remote, at: "\(options.folder)/repository.git", refs: refs.all)
    let now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    let eventRecorder = EventRecorder(
      api: api, now: now,
      onFailure: { logger.debug("event.failed", metadata: ["error": "\($0)"]) })
    let engine = Engine(
      api: api,
      settings: options.engine,
      stamp: stamp, logger: logger, clock: ContinuousClock(), eventRecorder: eventRecorder, now: now)
    let owner = backend.owner(id: id, name: cluster)
    let ownership = StatusOwnership(owner, takesOver: options.takesOverStatus) {
      SettingsFile(path: StatusOwner.path, bytes: $0).json
    }
    let sink = GitSink(
      mirror: mirror, refs: refs, author: (options.author.name, options.author.email), ownership: ownership,
      now: { Int64(now()) })
    let writer = StatusWriter(
      sink: LeaderOnlySink(sink: sink, leads: leads), owner: owner,
      onSuccess: { activity.wrote(nil) },
      onFailure: {
        activity.wrote($0)
        logger.warning("status.publish.failed", metadata: ["error": "\($0)"])
      })
    let forge = options.forge.map { settings -> ForgeReporter in
      guard !refs.all.isEmpty else { return ForgeReporter(settings, logger: logger, now: now) }
      return ForgeReporter(settings, logger: logger, standing: { ownership.standing }, now: now)
    }
    let home = home ?? options.policy.systemNamespace
    let records = DaemonRecords(
      sink: sink,
      blockedChanges: BlockedChangeRecord(
        backend.api, namespace: home, installation: options.policy.installation),
      revision: LastAttemptedRevision(
        backend.api, namespace: home, installation: options.policy.installation, branch: options.branch,
        stamp: stamp),
      logger: logger, now: now)
    let images = GitImages()
    // Running pods may have to pull their images again before the first fetch has ended. The catalog is therefore read
    // at the last attempted revision, not at the fetched head.
    if case .embedded(let cluster) = backend,
      let head = try await mirror.repository.target(of: Reconciler.lastAttemptedRef(options.branch)),
      let catalog = try? await images.catalog(at: head, in: mirror.repository)
    {
      await cluster.setCatalog(catalog)
    }
    // Each event is handled in this order.
    var observers: [any ReconcileObserver] = [
      ActivityReporter(activity: activity), StatusReporter(writer, sink, api, logger),
      EventReporter(recorder: eventRecorder),
    ]
    if let forge {
      observers.append(ForgeStatusReporter(forge: forge, repository: mirror.repository, leads: leads))
    }
    observers.append(ForwardingReporter(observer: observer, api: api))
    if case .embedded(let cluster) = backend {
      observers.append(
        ImageCatalogUpdater(
          images: images, cluster: cluster, repository: mirror.repository, logger: logger))
    }
    var settings = Reconciler.Settings(
      branch: options.branch, policy: options.policy, interval: options.interval,
      acceptsRewrittenHistory: options.acceptsRewrittenHistory, history: options.history,
      isAtomic: options.isAtomic, fixesForward: options.fixesForward,
      compareInterval: options.compareInterval)
    if options.revertsStalled {
      settings.autoRevert = AutoRevert(
        deadline: options.progressDeadline, now: now, leads: leads,
        author: (options.author.name, options.author.email), signer: options.signer)
    }
    settings.verify = options.verify.mode
    settings.checker = options.verify.mode == .none ? nil : options.signatures
    settings.signers = options.verify.files
    let reconciler = Reconciler(
      mirror: mirror, api: api, settings: settings,
      stamp: stamp, records: records, observers: observers, logger: logger, clock: ContinuousClock())
    return Daemon(
      options: options, logger: logger, mirror: mirror, backend: backend, eventRecorder: eventRecorder,
      engine: engine, writer: writer, forge: forge, activity: activity, reconciler: reconciler)
  }

  /// Runs until it is stopped, or with `once` until nothing is left that continues by itself. All pending reports are
  /// written before it returns.
  ///
  /// - Parameters:
  ///   - view: shows progress during the run.
  ///   - beside: further services to run.
  public func run(
    once: Bool = false, view: (any Service)? = nil, beside: [any Service] = [], signals: [UnixSignal] = []
  ) async throws -> Reconciler.Outcome {
    let ending = Ending()
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
    if case .embedded(let cluster) = backend {
      services.append(.init(service: BackgroundService("cluster") { try await cluster.run() }))
    }
    services += [
      .init(service: BackgroundService("events") { [eventRecorder] in await eventRecorder.run() }),
      .init(service: BackgroundService("engine") { [engine] in await engine.run() }),
      .init(
        service: BackgroundService("status", atEnd: { [writer] in await writer.flush() }) { [writer] in
          await writer.run()
        }),
    ]
    if let forge {
      services.append(
        .init(service: BackgroundService("forge", atEnd: { await forge.close() }) { await forge.run() }))
    }
    services += ((view.map { [$0] } ?? []) + beside).map { .init(service: $0) }
    services.append(
      .init(
        service: BackgroundService("reconciler") { [reconciler] in
          await ending.set(await reconciler.run(once: once))
        },
        successTerminationBehavior: .gracefullyShutdownGroup))
    var configuration = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(4)
    try await ServiceGroup(configuration: configuration).run()
    let outcome = await ending.outcome ?? .cancelled
    guard once, case .converged = outcome, let error = await writer.state.lastError else { return outcome }
    return .statusUnwritten(error)
  }

  private actor Ending {
    private(set) var outcome: Reconciler.Outcome?
    func set(_ outcome: Reconciler.Outcome) { self.outcome = outcome }
  }
}

/// A background service of the daemon that runs until the daemon stops. Services stop in the reverse order of their
/// start.
public struct BackgroundService: Service, CustomStringConvertible {
  let name: String
  /// True if the service handles a graceful shutdown itself; the others are cancelled.
  let endsByItself: Bool
  let atEnd: @Sendable () async -> Void
  let work: @Sendable () async throws -> Void

  /// The service's name.
  public var description: String { name }

  /// - Parameters:
  ///   - endsByItself: true if the service handles a graceful shutdown itself.
  ///   - atEnd: runs last, however the service ends.
  ///   - work: runs until it is cancelled.
  public init(
    _ name: String, endsByItself: Bool = false, atEnd: @escaping @Sendable () async -> Void = {},
    work: @escaping @Sendable () async throws -> Void
  ) {
    self.name = name
    self.endsByItself = endsByItself
    self.atEnd = atEnd
    self.work = work
  }

  /// Runs the service until it is stopped.
  public func run() async throws {
    if endsByItself {
      try await work()
    } else {
      try await cancelWhenGracefulShutdown { try await work() }
    }
    await atEnd()
  }
}
