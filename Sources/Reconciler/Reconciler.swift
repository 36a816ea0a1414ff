import ClusterAPI
import DesiredState
import GitStore
import KubeDirector
import Logging
import Reports

/// Reconciles one cluster with one branch: fetches, judges the changes, applies the accepted ones, and reports the
/// results.
///
/// The actor performs effects: it runs the loops and timers of this file, and calls git, the API server and its ports in
/// the steps of a pass. Each of its values decides about one concern and keeps its own state private.
///
/// It keeps no state that is needed after a restart: the provenance is stored on each object, so any daemon on any
/// machine reaches the same verdicts from git and the cluster alone.
public actor Reconciler {
  let mirror: Mirror
  let applier: Applier
  let settings: Settings
  let ports: ReconcilePorts
  let logger: Logger

  var desired = DesiredState()
  var liveState: LiveState
  var branch = BranchState()
  var pending = PendingObjects()
  var blocked = BlockedChanges()
  var drift: DriftState
  var ledger = CommitLedger()
  var reverts = AutoRevertState()
  var syncs = SyncRequests()
  private(set) var scheduler: PassScheduler

  /// - Parameters:
  ///   - records: what earlier daemons stored, and where this one stores it.
  ///   - observers: the subscribers, in the order in which they receive each event.
  public init(
    mirror: Mirror, api: any ClusterAPI, settings: Settings, stamp: Stamp, records: any ReconcileRecords,
    observers: [any ReconcileObserver] = [], logger: Logger, clock: any Clock<Duration>
  ) {
    let installation = settings.policy.installation
    self.mirror = mirror
    self.settings = settings
    self.logger = logger
    ports = ReconcilePorts(records: records, observers: observers)
    scheduler = PassScheduler(clock: clock)
    applier = Applier(api: api, installation: installation, stamp: stamp)
    liveState = LiveState(installation: installation)
    drift = DriftState(installation: installation, stamp: stamp)
  }

  var api: any ClusterAPI { applier.api }
  var stamp: Stamp { applier.stamp }
  var records: any ReconcileRecords { ports.records }
  var repository: GitRepository { mirror.repository }
  var reader: BranchReader { BranchReader(repository: repository, branch: settings.branch) }

  /// The error of the last fetch; nil if it succeeded.
  public var problem: GitError? { branch.fetch.problem }

  /// Reconciles until the task is cancelled.
  ///
  /// - Parameter once: returns as soon as nothing is left that continues by itself.
  @discardableResult
  public func run(once: Bool = false) async -> Outcome {
    scheduler.requestFetch()
    let outcome = await runLoops(once: once)
    // The last reports of a daemon that stops: observed changes that are not reported yet.
    if liveState.isComplete { await reportClusters() }
    await sendReports()
    return outcome
  }

  /// Fetches now instead of at the next interval, and resyncs.
  public func sync() {
    drift.requestResync()
    scheduler.requestFetch()
  }

  /// Does the same for a request whose answer is reported under its id. A repeated request is no new one.
  public func sync(_ id: SyncID) {
    guard syncs.progress(of: id) == nil else { return }
    syncs.request(id)
    sync()
  }

  /// The progress of a request; nil if it is unknown.
  public func progress(of id: SyncID) -> SyncProgress? { syncs.progress(of: id) }

  /// Fetches now instead of at the next interval. All requests that arrive during a fetch cause one further fetch.
  public func fetchNow() { scheduler.requestFetch() }

  /// Requests a reconcile pass.
  func enqueue() { scheduler.requestPass() }

  private func runLoops(once: Bool) async -> Outcome {
    await withTaskGroup(of: Outcome?.self) { group in
      for resource in [Resource.apps, .clusters] {
        group.addTask {
          await self.watch(resource)
          return nil
        }
      }
      if !once {
        group.addTask {
          await self.resyncPeriodically()
          return nil
        }
      }
      group.addTask { await self.runFetches(once: once) }
      group.addTask { await self.runPasses(once: once) }
      var outcome: Outcome = .cancelled
      for await result in group {
        guard let result else { continue }
        outcome = result
        break
      }
      group.cancelAll()
      return outcome
    }
  }

  // MARK: - Watches

  private func watch(_ resource: Resource) async {
    try? await applier.api.follow(
      resource, clock: scheduler.clock,
      onFailure: { error in
        self.logger.warning("watch.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
      }
    ) { await self.take($0, of: resource) }
  }

  private func take(_ change: FollowedChange, of resource: Resource) {
    let before = apps(before: change)
    for reference in liveState.take(change, of: resource) {
      observe(reference, before: before[reference] ?? [])
    }
    enqueue()
  }

  // MARK: - Fetches

  private func runFetches(once: Bool) async -> Outcome? {
    await withDiscardingTaskGroup { timers in
      for await _ in scheduler.fetches {
        let wait = await fetch()
        if once {
          timers.cancelAll()
          return problem.map(Outcome.unreachable)
        }
        let number = branch.fetch.startTimer()
        scheduler.run(after: wait, in: &timers) { await self.fetchAgain(number) }
      }
      timers.cancelAll()
      return nil
    }
  }

  private func fetchAgain(_ number: Int) {
    if branch.fetch.isCurrent(number) { scheduler.requestFetch() }
  }

  // MARK: - Passes

  private func runPasses(once: Bool) async -> Outcome? {
    enqueue()
    return await withDiscardingTaskGroup { timers in
      for await _ in scheduler.passes {
        scheduler.beginPass()
        let requeue = await reconcilePass()
        let starts = scheduler.endPass(
          requeue, awaitsPermission: pending.awaitsPermission, awaitsAdoption: pending.awaitsAdoption)
        await compactRepository()
        if once, let outcome = await outcome(after: requeue) { return outcome }
        for start in starts { self.start(start, in: &timers) }
        if hasReports, let start = scheduler.startReports() {
          await sendReports()
          self.start(start, in: &timers)
        }
      }
      return nil
    }
  }

  private func start(_ start: PassSchedule.Start, in timers: inout DiscardingTaskGroup) {
    guard start.wait > .zero else { return enqueue() }
    scheduler.run(after: start.wait, in: &timers) { await self.end(start.timer) }
  }

  private func end(_ timer: PassSchedule.Timer) {
    scheduler.end(timer)
    switch timer {
    case .permissions: pending.releaseForbidden()
    case .adoptions: pending.releaseAdoptions()
    case .retry, .pass, .reports: break
    }
    enqueue()
  }
}
