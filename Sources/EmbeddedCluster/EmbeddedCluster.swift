import ClusterAPI
import FoundationEssentials
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
public actor EmbeddedCluster {
  public struct Options: Sendable {
    public var limits = SandboxLimits()
    /// Gives each script its own cgroup. Nil if the machine has no usable cgroups; the resource watch then
    /// limits the scripts.
    public var cgroups: ScriptCgroups?
    /// The maximum number of scripts that run at the same time; the others wait in a queue.
    public var concurrentScripts = max(2, 2 * ProcessInfo.processInfo.activeProcessorCount)
    public var capacity = NodeCapacity()
    /// The number of changes that are kept for watches that resume.
    public var eventWindow = 16_384
    /// The number of unread events after which a watch ends with `.gone`.
    public var watchBacklog = 32_768
    /// Changes each new object, as a mutating admission webhook would.
    public var admission: (@Sendable (Object) -> Object)?

    public init() {}
  }

  public nonisolated let directory: String
  nonisolated let folders: PodFolders
  nonisolated let trash: TrashRemover
  nonisolated let runner: ScriptRunner
  nonisolated let files = BlockingPool()
  nonisolated let slots: SlotQueue
  nonisolated let reserved = ReservedContainers()
  nonisolated let time: ClusterTime
  nonisolated let logger: Logger
  nonisolated let events: EventLog
  nonisolated let persistence: Persistence

  private let lock: DirectoryLock
  private let rules: ObjectRules
  var store: ObjectStore
  var node: Node
  private var sets = SetController()
  /// Containers of an earlier run whose processes have died.
  private var deadContainers: Set<String> = []

  // Queues for the next turn.
  private var changedPods = NameQueue()
  private var changedSets = NameQueue()
  private var orphanedOwners: [String] = []
  /// Claims that are being deleted and whose volumes are not being removed yet.
  private var endingClaims: Set<ObjectName> = []
  private var routed = 0

  // Whether a commit is in progress.
  private var isCommitting = false
  private var isTurnOrdered = false
  /// Why writes made during the commit in progress did not reach the disk.
  private var failure: APIError?
  private var commitWaiters: [CheckedContinuation<APIError?, Never>] = []
  private var uncheckpointed = 0
  private var isCheckpointing = false

  // Work that is done outside the actor, while `run` runs.
  var jobs: AsyncStream<ClusterJob>.Continuation?
  private var alarms: [Duration] = []
  var jobsUnderWay = 0
  var idleWaiters: [CheckedContinuation<Void, Never>] = []

  /// Opens or creates the cluster in a folder. This process then has exclusive use of the folder.
  ///
  /// - Parameters:
  ///   - catalog: the images that the node can pull; see `setCatalog`.
  /// - Throws: if the folder is in use or cannot be read, or if the sandbox mode is not available.
  public static func open(
    directory: String, sandbox: SandboxMode, catalog: ImageCatalog, time: ClusterTime = .system,
    logger: Logger,
    options: Options = Options()
  ) async throws(EmbeddedClusterError) -> EmbeddedCluster {
    let directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    if try ClusterFolder(path: directory).prepare() {
      logger.warning(
        "others on this machine could read the embedded cluster until now, with the key of the stamps; it is closed to them",
        metadata: ["directory": "\(directory)"])
    }
    let lock = try DirectoryLock(directory: directory)
    let sandbox = Sandbox(mode: sandbox, limits: options.limits)
    try await sandbox.probe(in: directory, logger: logger)
    let persistence: Persistence
    let objects: [Persistence.Stored]
    let version: Int64
    do {
      persistence = try Persistence(directory: directory)
      (objects, version) = try persistence.load()
    } catch let error as EmbeddedClusterError {
      throw error
    } catch {
      throw EmbeddedClusterError("The embedded cluster in \(directory) cannot be read: \(error)")
    }
    let cluster = EmbeddedCluster(
      directory: directory, lock: lock, persistence: persistence, objects: objects, version: version,
      sandbox: sandbox, catalog: catalog, time: time, logger: logger, options: options)
    try await cluster.sweep()
    return cluster
  }

  /// Opens a cluster for reading; another process may be running it.
  public static func openReadOnly(_ directory: String) throws(EmbeddedClusterError) -> EmbeddedReader {
    let directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    try ClusterFolder(path: directory).check()
    return try EmbeddedReader(directory: directory)
  }

  /// Repairs the permissions of a cluster's folder, before anything in it is used.
  ///
  /// - Throws: if users other than its owner can write to it or replace it; the error says what to do.
  public static func check(_ directory: String) throws(EmbeddedClusterError) {
    try ClusterFolder(path: URL(fileURLWithPath: directory).standardizedFileURL.path).check()
  }

  private init(
    directory: String, lock: DirectoryLock, persistence: Persistence, objects: [Persistence.Stored],
    version: Int64,
    sandbox: Sandbox, catalog: ImageCatalog, time: ClusterTime, logger: Logger, options: Options
  ) {
    self.directory = directory
    self.lock = lock
    self.persistence = persistence
    self.time = time
    self.logger = logger
    rules = ObjectRules(admission: options.admission)
    store = ObjectStore(objects: objects, version: version, rules: rules, now: time.now)
    node = Node(catalog: catalog, capacity: options.capacity)
    let folders = PodFolders(directory: directory, owner: sandbox.owner)
    self.folders = folders
    trash = TrashRemover { folders.emptyTrash() }
    runner = ScriptRunner(
      sandbox: sandbox, watch: ResourceWatch(limits: sandbox.limits, now: time.now),
      cgroups: options.cgroups)
    slots = SlotQueue(options.concurrentScripts)
    events = EventLog(version: version, window: options.eventWindow, backlog: options.watchBacklog)
  }

  /// Replaces the images that the node can pull. Pods that wait for an image use the new catalog at their next
  /// attempt.
  public func setCatalog(_ catalog: ImageCatalog) { node.catalog = catalog }

  /// Ends the containers of a pod and creates new ones, as after a crash. Volumes are kept.
  public func killContainer(_ pod: ObjectName) async throws(APIError) {
    let uid = try store.existing(Resource.pods.kind, pod).object.uid
    start(node.deliver(.killed, to: uid, in: store, now: time.now()))
    try await commit()
  }

  private func sweep() async throws(EmbeddedClusterError) {
    let inventory = Node.inventory(store)
    let folders = folders
    let watch = runner.watch
    do {
      deadContainers = try await files.run(key: "") {
        let dead = try folders.sweep(inventory)
        for command in folders.adoptable() { watch.add(command) }
        return dead
      }
    } catch {
      throw EmbeddedClusterError(
        "The embedded cluster in \(directory) cannot clear up after its last run: \(error)")
    }
    await trash.wake()
  }

  // MARK: One turn

  /// Waits until everything written so far is on disk.
  ///
  /// The first caller commits for all callers that arrive while it yields: one transaction for many writes.
  func commit() async throws(APIError) {
    if isCommitting {
      if let error = await withCheckedContinuation({ commitWaiters.append($0) }) { throw error }
      return
    }
    guard store.hasChanges || hasWork else { return }
    isCommitting = true
    failure = nil
    await Task.yield()
    move()
    persist()
    isCommitting = false
    let waiters = commitWaiters
    commitWaiters = []
    for waiter in waiters { waiter.resume(returning: failure) }
    // Other calls can run between two turns, so that a large fleet does not block the actor for long.
    if hasWork, !isTurnOrdered, let jobs {
      isTurnOrdered = true
      jobsUnderWay += 1
      jobs.yield(.turn)
    }
    if let failure { throw failure }
  }

  /// Called before each read, so that a caller never sees data that is not on disk, or a version that no watch
  /// has sent.
  func commitForReading() throws(APIError) {
    guard store.hasChanges else { return }
    if let error = persist() { throw error }
  }

  private func checkpoint() async {
    do {
      try await persistence.checkpoint()
    } catch {
      // The write-ahead log keeps growing until a checkpoint succeeds; it is tried again after the next writes.
      logger.warning(
        "the journal cannot be cleared", metadata: ["directory": "\(directory)", "error": "\(error)"])
    }
    isCheckpointing = false
  }

  func turnOrdered() async {
    isTurnOrdered = false
    await wake()
    jobEnded()
  }

  private var hasWork: Bool {
    jobs != nil && (!changedPods.isEmpty || !changedSets.isEmpty || !orphanedOwners.isEmpty)
  }

  /// Lets the controllers act on the changes.
  private func move() {
    guard jobs != nil else { return }
    let now = time.now()
    start(node.wake(in: store, now: now))
    route()
    var budget = 1_000
    while budget > 0, hasWork {
      budget -= 1
      step(now)
      route()
    }
  }

  /// Writes the changes to disk, and sends them to the watchers.
  @discardableResult
  private func persist() -> APIError? {
    defer { setAlarm() }
    guard store.hasChanges else { return nil }
    route()
    let batch = store.batch()
    do {
      try persistence.commit(batch)
    } catch {
      // Also reported to callers that wait for the commit in progress, because their writes are lost too.
      failure = fallBack(error)
      return failure
    }
    uncheckpointed += batch.rows.count
    routed = 0
    events.publish(store.committed())
    endClaims()
    if uncheckpointed > 2_000, !isCheckpointing {
      uncheckpointed = 0
      isCheckpointing = true
      // Not a child task of `run`, because objects are also stored while `run` does not run.
      Task { await checkpoint() }
    }
    return nil
  }

  private func step(_ now: Duration) {
    if let uid = orphanedOwners.popLast() {
      for record in store.dependents(of: uid) where store.isOrphan(record) {
        // Without preconditions a delete fails only if the object no longer exists.
        try? store.delete(record.kind, record.name, .none)
      }
    } else if let pod = changedPods.pop() {
      start(node.sync(pod, in: store, now: now))
    } else if let set = changedSets.pop() {
      sets.sync(set, in: store, logger: logger)
    }
  }

  /// Adds the objects affected by the changes to the controllers' queues.
  private func route() {
    // The next run examines every object anyway.
    guard jobs != nil else { return }
    let changes = store.changes
    while routed < changes.count {
      let change = changes[routed]
      routed += 1
      guard let object = change.new ?? change.old else { continue }
      if change.new == nil {
        orphanedOwners.append(object.uid)
        if change.kind == Resource.statefulSets.kind { sets.forget(uid: object.uid) }
      } else if change.old == nil, object.owners.contains(where: { !store.exists(uid: $0.uid) }) {
        orphanedOwners += object.owners.map(\.uid)
      }
      switch change.kind {
      case Resource.pods.kind:
        changedPods.add(change.name)
        for owner in object.owners where owner.isController && owner.kind == Resource.statefulSets.kind {
          changedSets.add(ObjectName(namespace: change.name.namespace, name: owner.name))
        }
      case Resource.statefulSets.kind:
        // A change of the status alone needs no action.
        if let old = change.old, old.generation == object.generation,
          old.isBeingDeleted == object.isBeingDeleted
        {
          continue
        }
        changedSets.add(change.name)
      case Resource.volumeClaims.kind:
        if change.new?.isBeingDeleted == true { endingClaims.insert(change.name) }
        guard change.new == nil else { continue }
        // A StatefulSet may be waiting for this deletion.
        for set in store.all(Resource.statefulSets.kind) where set.name.namespace == change.name.namespace {
          changedSets.add(set.name)
        }
      default: continue
      }
    }
  }

  /// Removes the volumes of claims that are being deleted and that no pod uses any more.
  private func endClaims() {
    guard let jobs, !endingClaims.isEmpty else { return }
    var used: Set<ObjectName> = []
    for pod in store.all(Resource.pods.kind) {
      for volume in pod.object.json["spec"]?["volumes"]?.array ?? [] {
        guard let claim = volume["persistentVolumeClaim"]?["claimName"]?.string else { continue }
        used.insert(ObjectName(namespace: pod.name.namespace, name: claim))
      }
    }
    for claim in endingClaims.subtracting(used).sorted() {
      endingClaims.remove(claim)
      jobsUnderWay += 1
      jobs.yield(.volume(claim))
    }
  }

  /// Removes a claim after its volume was removed.
  func volumeEnded(_ claim: ObjectName) async {
    if let record = store.record(Resource.volumeClaims.kind, claim), record.object.isBeingDeleted {
      store.remove(record)
    }
    await wake()
  }

  /// Returns to the state on disk after a failed write; changes that exist only in memory are discarded.
  private func fallBack(_ error: any Error) -> APIError {
    logger.error(
      "the embedded cluster cannot write", metadata: ["directory": "\(directory)", "error": "\(error)"])
    if let (objects, version) = try? persistence.load() {
      // Versions continue from the last one in memory: a version that was given out must not be used for
      // another change.
      let last = max(version, store.version)
      store = ObjectStore(objects: objects, version: last, rules: rules, now: time.now)
      routed = 0
      node = Node(catalog: node.catalog, capacity: node.capacity)
      events.restart(at: last)
      lookAtEverything()
    }
    return APIError(.unavailable, "The embedded cluster in \(directory) cannot write: \(error)")
  }

  // MARK: While it runs

  func lookAtEverything() {
    node.adopt(store, now: time.now())
    // Done before a caller can run a command in these containers.
    if jobs != nil { start(node.lose(deadContainers, in: store, now: time.now())) }
    for record in store.all(Resource.pods.kind) { changedPods.add(record.name) }
    for record in store.all(Resource.statefulSets.kind) { changedSets.add(record.name) }
    for record in store.all(Resource.volumeClaims.kind) where record.object.isBeingDeleted {
      endingClaims.insert(record.name)
    }
    for record in store.orphans() { orphanedOwners += record.object.owners.map(\.uid) }
  }

  func start(_ work: [NodeJob]) {
    guard let jobs else { return }
    for job in work {
      jobsUnderWay += 1
      jobs.yield(.pod(job))
    }
  }

  /// Starts a job that sleeps until the next deadline, unless one is already pending.
  private func setAlarm() {
    guard let jobs, let next = node.nextDeadline, alarms.allSatisfy({ $0 > next }) else { return }
    alarms.append(next)
    jobs.yield(.alarm(next))
  }

  func alarmRang(_ time: Duration) async {
    alarms.removeAll { $0 == time }
    await wake()
  }

  /// Runs the work that is due now.
  func wake() async {
    guard jobs != nil else { return }
    start(node.wake(in: store, now: time.now()))
    setAlarm()
    // The failure was logged and reported to every waiting caller.
    try? await commit()
  }

  func jobEnded() {
    jobsUnderWay -= 1
    if jobsUnderWay <= 0 { resumeIdleWaiters() }
  }

  func resumeIdleWaiters() {
    let waiters = idleWaiters
    idleWaiters = []
    for waiter in waiters { waiter.resume() }
  }

  func stopped() {
    jobs = nil
    // Unfinished work is lost; the next run derives it from the store.
    node = Node(catalog: node.catalog, capacity: node.capacity)
    alarms = []
    isTurnOrdered = false
    jobsUnderWay = 0
    resumeIdleWaiters()
  }
}

/// A queue of object names without duplicates, first in, first out.
struct NameQueue {
  private var names: [ObjectName] = []
  private var head = 0
  private var known: Set<ObjectName> = []

  var isEmpty: Bool { head == names.count }

  mutating func add(_ name: ObjectName) {
    if known.insert(name).inserted { names.append(name) }
  }

  mutating func pop() -> ObjectName? {
    guard head < names.count else { return nil }
    let name = names[head]
    head += 1
    known.remove(name)
    if head == names.count {
      names.removeAll(keepingCapacity: true)
      head = 0
    }
    return name
  }
}
