import ClusterAPI
import FoundationEssentials
import KubeDirector
import Logging
import Values

/// A cluster within this process: the objects on disk, the StatefulSet controller, and a node that runs scripts.
///
/// Its answers are those of Kubernetes as far as `ClusterAPI` asks. A write has reached the disk before its call
/// returns, and nobody sees it earlier. Objects are stored by any call from `open` on; sets and pods
/// move only while `run` runs. Nothing here polls but the watch on scripts that run: without
/// events and pending delays it is at rest.
public actor EmbeddedCluster {
  public struct Options: Sendable {
    public var limits = SandboxLimits()
    /// Where each script gets a cgroup of its own; nil where the machine has none, and a watch limits them.
    public var cgroups: ScriptCgroups?
    /// How many scripts run at the same time; the others wait their turn.
    public var concurrentScripts = max(2, 2 * ProcessInfo.processInfo.activeProcessorCount)
    public var capacity = NodeCapacity()
    /// How many changes are kept for watches that resume.
    public var eventWindow = 16_384
    /// How many events a watch may leave untaken before it ends with `.gone`.
    public var watchBacklog = 32_768
    /// What an admission webhook would do to each new object.
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
  /// Containers of an earlier run that died with it.
  private var deadContainers: Set<String> = []

  // What is to be looked at next.
  private var changedPods = NameQueue()
  private var changedSets = NameQueue()
  private var orphanedOwners: [String] = []
  /// Claims that are being deleted, and whose volume is not being thrown away yet.
  private var endingClaims: Set<ObjectName> = []
  private var routed = 0

  // The commit that is on its way.
  private var isCommitting = false
  private var isTurnOrdered = false
  /// Why what was written since it began did not reach the disk.
  private var failure: APIError?
  private var commitWaiters: [CheckedContinuation<APIError?, Never>] = []
  private var uncheckpointed = 0
  private var isCheckpointing = false

  // Work that leaves the actor, while `run` runs.
  var jobs: AsyncStream<ClusterJob>.Continuation?
  private var alarms: [Duration] = []
  var jobsUnderWay = 0
  var idleWaiters: [CheckedContinuation<Void, Never>] = []

  /// Opens or makes the cluster in a folder, which this process then has for itself.
  ///
  /// - Parameters:
  ///   - catalog: what the node can pull; see `setCatalog`.
  /// - Throws: where the folder is in use or cannot be read, and where scripts cannot be run in the way asked for.
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

  /// Reads a cluster that another process may be running.
  public static func openReadOnly(_ directory: String) throws(EmbeddedClusterError) -> EmbeddedReader {
    let directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    try ClusterFolder(path: directory).check()
    return try EmbeddedReader(directory: directory)
  }

  /// Repairs who may read a cluster's folder, before anything in it is used.
  ///
  /// - Throws: where others than its owner may write to it; with what to do about it.
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
      sandbox: sandbox, watch: ResourceWatch(limits: sandbox.limits), cgroups: options.cgroups)
    slots = SlotQueue(options.concurrentScripts)
    events = EventLog(version: version, window: options.eventWindow, backlog: options.watchBacklog)
  }

  /// Replaces what the node can pull. Pods that wait for an image see it at their next try.
  public func setCatalog(_ catalog: ImageCatalog) { node.catalog = catalog }

  /// Has the containers of a pod die and be made anew, as if their process had crashed. Volumes are kept.
  public func killContainer(_ pod: ObjectName) async throws(APIError) {
    let uid = try store.existing(Resource.pods.kind, pod).object.uid
    start(node.deliver(.killed, to: uid, in: store, now: time.now()))
    try await commit()
  }

  private func sweep() async throws(EmbeddedClusterError) {
    let inventory = Node.inventory(store)
    let folders = folders
    do {
      deadContainers = try await files.run(key: "") { try folders.sweep(inventory) }
    } catch {
      throw EmbeddedClusterError(
        "The embedded cluster in \(directory) cannot clear up after its last run: \(error)")
    }
    for command in folders.adoptable() { runner.watch.add(command) }
    await trash.wake()
  }

  // MARK: One turn

  /// Waits until everything written so far is on disk.
  ///
  /// The first to come commits for all who come while it lets them: one transaction for many writes.
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
    // Others get in between two turns, so that a large fleet holds nobody up for long.
    if hasWork, !isTurnOrdered, let jobs {
      isTurnOrdered = true
      jobsUnderWay += 1
      jobs.yield(.turn)
    }
    if let failure { throw failure }
  }

  /// Before anything is read: nobody is told what is not yet on disk, nor a version that no watch knows.
  func commitForReading() throws(APIError) {
    guard store.hasChanges else { return }
    if let error = persist() { throw error }
  }

  private func checkpoint() async {
    do {
      try await persistence.checkpoint()
    } catch {
      // The journal only grows; it is tried again after the next writes.
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

  /// Lets the controllers act on what has changed.
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

  /// Writes what has changed to disk, and tells the watchers.
  @discardableResult
  private func persist() -> APIError? {
    defer { setAlarm() }
    guard store.hasChanges else { return nil }
    route()
    let batch = store.batch()
    do {
      try persistence.commit(batch)
    } catch {
      // Also for whoever waits for the commit that is on its way: its writes are lost with these.
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
      // No child of `run`: objects are also stored while nothing runs.
      Task { await checkpoint() }
    }
    return nil
  }

  private func step(_ now: Duration) {
    if let uid = orphanedOwners.popLast() {
      for record in store.dependents(of: uid) where store.isOrphan(record) {
        // Without preconditions a delete fails only where the object is gone already.
        try? store.delete(record.kind, record.name, .none)
      }
    } else if let pod = changedPods.pop() {
      start(node.sync(pod, in: store, now: now))
    } else if let set = changedSets.pop() {
      sets.sync(set, in: store, logger: logger)
    }
  }

  /// Who must look at what was written.
  private func route() {
    // The next run looks at everything anyway.
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
        // What only says how far the set has come calls for nothing.
        if let old = change.old, old.generation == object.generation,
          old.isBeingDeleted == object.isBeingDeleted
        {
          continue
        }
        changedSets.add(change.name)
      case Resource.volumeClaims.kind:
        if change.new?.isBeingDeleted == true { endingClaims.insert(change.name) }
        guard change.new == nil else { continue }
        // Somebody may have waited for it to go.
        for set in store.all(Resource.statefulSets.kind) where set.name.namespace == change.name.namespace {
          changedSets.add(set.name)
        }
      default: continue
      }
    }
  }

  /// Throws the volumes away of claims that are being deleted and that no pod has any more.
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

  /// The volume of a claim is gone, so the claim is.
  func volumeEnded(_ claim: ObjectName) async {
    if let record = store.record(Resource.volumeClaims.kind, claim), record.object.isBeingDeleted {
      store.remove(record)
    }
    await wake()
  }

  /// The disk refused: what is in memory and not on disk never happened.
  private func fallBack(_ error: any Error) -> APIError {
    logger.error(
      "the embedded cluster cannot write", metadata: ["directory": "\(directory)", "error": "\(error)"])
    if let (objects, version) = try? persistence.load() {
      // Versions go on from where memory was: those given out must not come back with another meaning.
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
    // Before anyone can ask for a command in them.
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

  /// Has someone sleep until the next deadline, unless someone already does.
  private func setAlarm() {
    guard let jobs, let next = node.nextDeadline, alarms.allSatisfy({ $0 > next }) else { return }
    alarms.append(next)
    jobs.yield(.alarm(next))
  }

  func alarmRang(_ time: Duration) async {
    alarms.removeAll { $0 == time }
    await wake()
  }

  /// Does what is due by now.
  func wake() async {
    guard jobs != nil else { return }
    start(node.wake(in: store, now: time.now()))
    setAlarm()
    // A failure is in the log, and everyone who waited for it has it.
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
    // What was under way is lost; the next run finds out from the store.
    node = Node(catalog: node.catalog, capacity: node.capacity)
    alarms = []
    isTurnOrdered = false
    jobsUnderWay = 0
    resumeIdleWaiters()
  }
}

/// Names waiting to be looked at, each once, in the order in which they came.
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
