import ClusterAPI
import KubeDirector
import Logging
import Values

/// A Kubernetes cluster within this process: a persistent object store, the StatefulSet controller, and a node
/// that runs scripts.
///
/// It behaves like Kubernetes as far as `ClusterAPI` requires. A write is on disk before its call returns, and
/// is not visible earlier. Any call after `open` can store objects; StatefulSets and pods change only while
/// `run` runs. Nothing polls except the resource watch on running scripts: without events and pending delays
/// the cluster is idle.
///
/// The actor only connects its parts: `Controllers` and `Node` decide, `ObjectDatabase` stores, and `PodWorker` and
/// `CommandExecutor` handle files and processes outside the actor.
public actor EmbeddedCluster {
  public nonisolated let directory: String
  nonisolated let time: ClusterTime
  nonisolated let events: EventLog
  nonisolated let executor: CommandExecutor
  nonisolated let worker: PodWorker
  private nonisolated let logger: Logger

  private var database: ObjectDatabase
  private var node: Node
  private var controllers = Controllers()
  private var groupCommit = GroupCommit<CheckedContinuation<APIError?, Never>>()
  /// Nil while `run` does not run.
  private var activity: Activity?
  /// Containers of an earlier run whose processes have died.
  private var deadContainers: Set<String> = []

  /// The services that work outside the actor while `run` runs.
  private struct Activity {
    let jobs: AsyncStream<ClusterJob>.Continuation
    var ledger = JobLedger()
    var idleWaiters: [CheckedContinuation<Void, Never>] = []
  }

  init(
    directory: String, lock: FileLock, persistence: Persistence, objects: [Persistence.Stored],
    version: Int64,
    sandbox: Sandbox, catalog: ImageCatalog, time: ClusterTime, logger: Logger, options: Options
  ) {
    self.directory = directory
    self.time = time
    self.logger = logger
    events = EventLog(version: version, window: options.eventWindow, backlog: options.watchBacklog)
    let files = PodFiles(PodFolders(directory: directory, owner: sandbox.owner))
    let runner = ScriptRunner(
      sandbox: sandbox, watch: ResourceWatch(limits: sandbox.limits, now: time.now),
      cgroups: options.cgroups)
    worker = PodWorker(
      files: files, runner: runner, slots: SlotQueue(options.concurrentScripts), time: time, logger: logger)
    executor = CommandExecutor(
      files: files, runner: runner, slots: SlotQueue(options.concurrentScripts), time: time)
    let rules = ObjectRules(admission: options.admission)
    database = ObjectDatabase(
      ObjectStore(objects: objects, version: version, rules: rules, now: time.now), on: persistence,
      events: events, lock: lock)
    node = Node(catalog: catalog, capacity: options.capacity)
  }

  /// The objects. Writes to it become visible with the next `commit`.
  var store: ObjectStore { database.store }

  /// Clears up after an earlier run, before this cluster is used.
  func sweep() async throws(EmbeddedClusterError) {
    do {
      deadContainers = try await worker.files.sweep(Node.inventory(store), worker.runner.watch)
    } catch {
      throw EmbeddedClusterError(
        "The embedded cluster in \(directory) cannot clear up after its last run: \(error)")
    }
  }

  /// Replaces the images that the node can pull. Pods that wait for an image use the new catalog at their next
  /// attempt.
  public func setCatalog(_ catalog: ImageCatalog) { node.catalog = catalog }

  /// Ends the containers of a pod and creates new ones, as after a crash. Volumes are kept.
  public func killContainer(_ pod: ObjectName) async throws(APIError) {
    try checkWritable()
    let uid = try store.existing(Resource.pods.kind, pod).object.uid
    start(node.deliver(.killed, to: uid, in: store, now: time.now()))
    try await commit()
  }

  // MARK: Commands

  /// Runs a command in a pod's container: see `CommandExecutor`.
  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    try executor.check(pod, request)
    try commitForReading()
    _ = try target(pod, request)
    return try await executor.exec(pod, request) { () async throws(APIError) in
      try await self.reserve(pod, request)
    }
  }

  func target(_ pod: ObjectName, _ request: ExecRequest) throws(APIError) -> RunningContainer {
    // The result of a command could not be stored, and the node is not known while writes wait.
    try checkWritable()
    let target = try node.running(pod, container: request.container, in: store)
    if let wanted = request.containerID, wanted != ContainerState.reference(target.containerID) {
      throw APIError(
        .conflict, "Pod \(pod): container \"\(request.container)\" is another one than \(wanted) by now")
    }
    return target
  }

  /// Finds and reserves the container for a command that is about to start. The reservation shows whether the
  /// container ends before the command starts.
  func reserve(_ pod: ObjectName, _ request: ExecRequest) throws(APIError) -> RunningContainer {
    let target = try target(pod, request)
    executor.files.reserved.enter(target.rootID)
    return target
  }

  // MARK: Commits

  /// - Throws: `unavailable` if a write has failed and the next one has to wait.
  func checkWritable() throws(APIError) {
    let now = time.now()
    if let reason = database.backoff.refusal(at: now) { throw unwritable(reason) }
    resumeWriting(at: now)
  }

  /// Starts the node again if a wait after a failed write has ended. Called by the alarm and before each write, because
  /// either can be first.
  private func resumeWriting(at now: Duration) {
    if database.resume(at: now) { examineEverything() }
  }

  private func unwritable(_ reason: String) -> APIError {
    APIError(.unavailable, "The embedded cluster in \(directory) cannot write: \(reason)")
  }

  /// Waits until everything written so far is on disk.
  ///
  /// The first caller commits for all callers that arrive while it yields: one transaction for many writes.
  func commit() async throws(APIError) {
    if groupCommit.isBeingPrepared {
      if let error = await withCheckedContinuation({ groupCommit.join($0) }) { throw error }
      return
    }
    guard store.hasChanges || hasWork else { return }
    groupCommit.begin()
    await Task.yield()
    // A read can have failed to write meanwhile.
    if activity != nil, database.backoff.refusal(at: time.now()) == nil {
      start(controllers.turn(&node, in: store, now: time.now(), logger: logger))
    }
    persist()
    let (waiters, failure) = groupCommit.end()
    for waiter in waiters { waiter.resume(returning: failure) }
    // Other calls can run between two turns, so that a large fleet does not block the actor for long.
    if hasWork { start { $0.orderTurn() } }
    if let failure { throw failure }
  }

  /// Called before each read, so that a caller never sees data that is not on disk, or a version that no watch
  /// has sent.
  func commitForReading() throws(APIError) {
    guard store.hasChanges else { return }
    if let error = persist() { throw error }
  }

  private var hasWork: Bool { activity != nil && controllers.hasWork }

  /// Writes the changes to disk, and sends them to the watchers.
  @discardableResult
  private func persist() -> APIError? {
    defer { setAlarm() }
    guard store.hasChanges else { return nil }
    // Not written and not discarded yet, because the disk could not be read either.
    if let reason = database.backoff.refusal(at: time.now()) {
      let failure = unwritable(reason)
      groupCommit.fail(failure)
      return failure
    }
    // The next run examines every object anyway.
    if activity != nil { controllers.addChanges(of: store) }
    do {
      // Not a child task of `run`, because objects are also stored while `run` does not run.
      if try database.save() { Task { await checkpoint() } }
    } catch {
      let failure = fallBack(error)
      // Also reported to callers that wait for the commit in progress, because their writes are lost too.
      groupCommit.fail(failure)
      return failure
    }
    controllers.changesEnded()
    if activity != nil {
      let claims = controllers.takeUnusedClaims(in: store)
      start { $0.removeVolumes(of: claims) }
    }
    return nil
  }

  private func checkpoint() async {
    do {
      try await database.persistence.checkpoint()
    } catch {
      // The write-ahead log keeps growing until a checkpoint succeeds; it is tried again after the next writes.
      logger.warning(
        "the journal cannot be cleared", metadata: ["directory": "\(directory)", "error": "\(error)"])
    }
    database.checkpointEnded()
  }

  /// Returns to the state on disk after a failed write; changes that exist only in memory are discarded.
  ///
  /// The node stops until the next write is due: what it does now could not be recorded.
  private func fallBack(_ error: any Error) -> APIError {
    let delay = database.failed("\(error)", at: time.now())
    logger.error(
      "the embedded cluster cannot write",
      metadata: ["directory": "\(directory)", "error": "\(error)", "retry": "in \(delay.wholeSeconds)s"])
    do {
      try database.reload()
      controllers.changesEnded()
      node = node.restarted()
    } catch {
      // The objects in memory stay; the next write tries again.
      logger.error(
        "the embedded cluster cannot be read again",
        metadata: ["directory": "\(directory)", "error": "\(error)"])
    }
    return unwritable("\(error)")
  }

  // MARK: While it runs

  /// Runs the StatefulSet controller and the node until the task is cancelled.
  ///
  /// Stops at once. The next `run`, also in a later process, continues unfinished work in pods; running scripts
  /// are not stopped.
  public func run() async throws {
    guard activity == nil else {
      throw EmbeddedClusterError("The embedded cluster in \(directory) is running already")
    }
    let (jobs, continuation) = AsyncStream.makeStream(of: ClusterJob.self)
    activity = Activity(jobs: continuation)
    examineEverything()
    await wake()
    await withDiscardingTaskGroup { group in
      for await job in jobs {
        group.addTask { await self.perform(job) }
      }
      group.cancelAll()
    }
    continuation.finish()
    let waiters = activity?.idleWaiters ?? []
    activity = nil
    // Unfinished work is lost; the next run derives it from the store.
    node = node.restarted()
    for waiter in waiters { waiter.resume() }
  }

  /// Whether the StatefulSet controller and the node run.
  public var isRunning: Bool { activity != nil }

  /// Waits until only delays and backoffs are pending. For tests, which advance the clock.
  public func settle() async {
    await wake()
    while let activity, !activity.ledger.isIdle {
      await withCheckedContinuation { self.activity?.idleWaiters.append($0) }
      await wake()
    }
  }

  private func examineEverything() {
    node.adopt(store, now: time.now())
    // Done before a caller can run a command in these containers.
    if activity != nil { start(node.lose(deadContainers, in: store, now: time.now())) }
    controllers.addAll(of: store)
  }

  /// Runs the work that is due now.
  private func wake() async {
    guard activity != nil else { return }
    let now = time.now()
    guard database.backoff.refusal(at: now) == nil else { return setAlarm() }
    resumeWriting(at: now)
    start(node.wake(in: store, now: now))
    setAlarm()
    // The failure was logged and reported to every waiting caller.
    try? await commit()
  }

  private func setAlarm() {
    let next = database.backoff.deadline ?? node.nextDeadline
    start { $0.setAlarm(at: next) }
  }

  private func start(_ work: [NodeJob]) { start { $0.start(work) } }

  private func start(_ jobs: (inout JobLedger) -> [ClusterJob]) {
    guard var ledger = activity?.ledger else { return }
    let started = jobs(&ledger)
    activity?.ledger = ledger
    for job in started { activity?.jobs.yield(job) }
  }

  private func jobEnded() {
    activity?.ledger.ended()
    guard activity?.ledger.isIdle == true else { return }
    let waiters = activity?.idleWaiters ?? []
    activity?.idleWaiters = []
    for waiter in waiters { waiter.resume() }
  }

  // MARK: Jobs

  private nonisolated func perform(_ job: ClusterJob) async {
    switch job {
    case .pod(let job): await perform(job)
    case .volume(let claim): await removeVolume(of: claim)
    case .turn: await takeTurn()
    case .alarm(let deadline):
      do { try await time.sleep(deadline) } catch { return }
      await alarmRang(deadline)
    }
  }

  private nonisolated func perform(_ job: NodeJob) async {
    let uid = job.spec.uid
    var initRun: PodWorker.InitRun?
    for step in job.steps {
      switch await worker.perform(step, of: job) {
      case .done: break
      case .event(let event): await deliver(event, to: uid)
      case .ready(let run): initRun = run
      case .removed: await removed(uid)
      }
    }
    await finished(uid)
    if let initRun, let event = await worker.event(atEndOf: initRun, in: job) {
      await deliver(event, to: uid)
    }
    await jobEnded()
  }

  private nonisolated func removeVolume(of claim: ObjectName) async {
    do {
      try await worker.files.removeVolume(of: claim)
      await volumeRemoved(claim)
    } catch {
      // The next run tries again.
      logger.warning(
        "a volume's folder cannot be removed", metadata: ["claim": "\(claim)", "error": "\(error)"])
    }
    await jobEnded()
  }

  private func takeTurn() async {
    activity?.ledger.turnBegan()
    await wake()
    jobEnded()
  }

  private func alarmRang(_ time: Duration) async {
    activity?.ledger.alarmRang(time)
    await wake()
  }

  private func deliver(_ event: PodMachine.Event, to uid: String) async {
    start(node.deliver(event, to: uid, in: store, now: time.now()))
    await wake()
  }

  private func removed(_ uid: String) async {
    start(node.removed(uid, in: store, now: time.now()))
    await wake()
  }

  private func finished(_ uid: String) { start(node.finished(uid, in: store, now: time.now())) }

  /// Removes a claim after its volume was removed.
  private func volumeRemoved(_ claim: ObjectName) async {
    // The claim of a removed volume is found again when writes are possible.
    if database.backoff.refusal(at: time.now()) == nil,
      let record = store.record(Resource.volumeClaims.kind, claim), record.object.isBeingDeleted
    {
      store.remove(record)
    }
    await wake()
  }
}
