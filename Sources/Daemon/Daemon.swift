import ClusterAPI
import Controller
import Forge
import FoundationEssentials
import GitStore
import Logging
import Manifests
import Notifications
import Reconciler
import Reports
import ServiceLifecycle
import StatusWriter
import UnixSignals
import Values

/// A daemon with all its services: it manages one cluster from one repository.
public struct Daemon: Sendable {
  let options: Options
  let logger: Logger
  /// The cluster that the daemon manages.
  public let backend: Backend
  let eventRecorder: EventRecorder
  let engine: Engine
  /// Writes the status to git; `flush` writes all pending reports.
  public let writer: StatusWriter
  let forge: ForgeReporter?
  let comments: CommentReporter?
  let notifications: NotificationSender?
  let activity: DaemonActivity
  /// Reconciles the cluster with the repository; `sync` makes it fetch now.
  public let reconciler: Reconciler

  /// Opens all parts of the daemon without starting them.
  ///
  /// - Parameters:
  ///   - home: the namespace of the daemon's own objects; nil for the system namespace.
  ///   - cluster: the display name of a Kubernetes cluster in statuses.
  ///   - observers: further subscribers of the reconciler, such as a display. They receive each event after the
  ///     daemon's own.
  ///   - activity: records what the daemon does.
  public static func open(
    _ options: Options, on backend: Backend, home: String? = nil, cluster: String = "Kubernetes",
    logger: Logger, observers: [any ReconcileObserver] = [], activity: DaemonActivity = DaemonActivity(),
    leads: @escaping @Sendable () -> Bool = { true }
  ) async throws -> Daemon {
    let now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    let api = backend.api.within(options.policy)
    let home = home ?? options.policy.systemNamespace
    try createFolder(options.folder)
    let identity = try await ClusterIdentity.obtain(
      from: backend.api, namespace: home, installation: options.policy.installation, logger: logger)
    let mirror = try await Mirror.open(
      options.remote, at: options.repositoryFolder, refs: options.refs.all)
    let owner = backend.owner(id: identity.id, name: cluster)
    let ownership = StatusOwnership(owner, takesOver: options.takesOverStatus, read: parseOwner)
    let sink = GitSink(
      mirror: mirror, refs: options.refs, author: (options.author.name, options.author.email),
      ownership: ownership, now: { Int64(now()) })
    let writer = StatusWriter(
      sink: LeaderOnlySink(sink: sink, leads: leads), owner: owner,
      onSuccess: { activity.wrote(nil) }, onFailure: { activity.failedToWrite($0, logger) })
    let eventRecorder = EventRecorder(
      api: api, now: now, onFailure: { logger.debug("event.failed", metadata: ["error": "\($0)"]) })
    var engineSettings = options.engineSettings
    // The sandboxes of the embedded cluster have no network.
    if case .embedded = backend { engineSettings.tenancy.fileSources = [] }
    let engine = Engine(
      api: api, settings: engineSettings, stamp: identity.stamp, logger: logger,
      clock: ContinuousClock(), eventRecorder: eventRecorder, now: now)
    // Without refs, no status in git says whose the commit statuses are.
    let standing: (@Sendable () -> StatusStanding)? =
      options.refs.all.isEmpty ? nil : { @Sendable in ownership.standing }
    let forge = options.forge.map { ForgeReporter($0, logger: logger, standing: standing, now: now) }
    let comments = options.forge.flatMap { forge in
      forge.comments ? CommentReporter(forge, logger: logger, standing: standing, now: now) : nil
    }
    let notifications = notificationSender(options, on: backend, home: home, logger: logger, now: now)
    let images = try await ImageCatalogUpdater.start(
      on: backend, branch: options.reconciler.branch, repository: mirror.repository, logger: logger)
    let records = DaemonRecords(
      options, api: backend.api, namespace: home, stamp: identity.stamp, sink: sink, logger: logger, now: now)
    // Each event is handled in this order.
    let own: [(any ReconcileObserver)?] = [
      ActivityReporter(activity: activity),
      StatusReporter(writer, sink, api, logger),
      EventReporter(recorder: eventRecorder),
      forge.map { ForgeStatusReporter(forge: $0, repository: mirror.repository, leads: leads) },
      comments.map { CommentObserver(comments: $0, leads: leads) },
      notifications.map { NotificationReporter(sender: $0, leads: leads) },
      images,
    ]
    let reconciler = Reconciler(
      mirror: mirror, api: api, settings: options.reconcilerSettings(now: now, leads: leads),
      stamp: identity.stamp, records: records, observers: own.compactMap(\.self) + observers,
      logger: logger,
      clock: ContinuousClock())
    return Daemon(
      options: options, logger: logger, backend: backend, eventRecorder: eventRecorder,
      engine: engine, writer: writer, forge: forge, comments: comments, notifications: notifications,
      activity: activity, reconciler: reconciler)
  }

  /// Creates the folder. It contains a copy of the repository, which other users of the machine may not be allowed to
  /// read.
  private static func createFolder(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  private static func parseOwner(_ bytes: [UInt8]) -> JSON? {
    SettingsFile(path: StatusOwner.path, bytes: bytes).json
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
    let outcome = Shared(Reconciler.Outcome.cancelled)
    let reconciling = BackgroundService("reconciler") { [reconciler] in
      outcome.value = await reconciler.run(once: once)
    }
    let services = [
      clusterService, eventService, engineService, statusService, forgeService, commentService,
      notificationService, view,
    ]
    var configuration = ServiceGroupConfiguration(
      services: (services.compactMap(\.self) + beside).map { .init(service: $0) }
        + [.init(service: reconciling, successTerminationBehavior: .gracefullyShutdownGroup)],
      gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(4)
    try await ServiceGroup(configuration: configuration).run()
    return once ? await checkStatus(outcome.value) : outcome.value
  }

  /// The outcome of a run with `once`, which includes that the status was written.
  private func checkStatus(_ outcome: Reconciler.Outcome) async -> Reconciler.Outcome {
    guard case .converged = outcome, let error = await writer.state.lastError else { return outcome }
    return .statusUnwritten(error)
  }
}

// The services, in the order in which they start. They stop in the reverse order.
extension Daemon {
  private var clusterService: (any Service)? {
    guard case .embedded(let cluster) = backend else { return nil }
    return BackgroundService("cluster") { try await cluster.run() }
  }

  private var eventService: (any Service)? {
    BackgroundService("events") { [eventRecorder] in await eventRecorder.run() }
  }

  private var engineService: (any Service)? {
    BackgroundService("engine") { [engine] in await engine.run() }
  }

  private var statusService: (any Service)? {
    BackgroundService("status", atEnd: { [writer] in await writer.flush() }) { [writer] in
      await writer.run()
    }
  }

  private var forgeService: (any Service)? {
    forge.map { forge in
      BackgroundService("forge", atEnd: { await forge.close() }) { await forge.run() }
    }
  }

  private var commentService: (any Service)? {
    comments.map { comments in
      BackgroundService("comments", atEnd: { await comments.close() }) { await comments.run() }
    }
  }

  private var notificationService: (any Service)? {
    notifications.map { sender in
      BackgroundService("notifications", atEnd: { await sender.close() }) { await sender.run() }
    }
  }
}
