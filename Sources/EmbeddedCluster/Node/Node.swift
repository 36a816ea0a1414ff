import ClusterAPI
import FoundationEssentials
import KubeDirector
import Logging
import Values

/// The kubelet of the embedded cluster: sends events to each pod's state machine, and stores the resulting
/// status.
///
/// Belongs to one actor and never waits; slow work leaves it as a `NodeJob`.
struct Node {
  private struct Pod {
    var spec: PodSpec
    var machine: PodMachine
    /// Work on the pod's folders that is not done yet. It is done in order, one batch at a time.
    var queue: [PodMachine.Effect] = []
    var isBusy = false
    /// False while nothing on disk can belong to the pod.
    var hasFolders: Bool
  }

  private var pods: [String: Pod] = [:]
  private var deadlines = Deadlines<String>()
  private var resources: NodeResources
  private var addresses = AddressPool()
  var catalog: ImageCatalog

  init(catalog: ImageCatalog, capacity: NodeCapacity) {
    self.catalog = catalog
    resources = NodeResources(capacity)
  }

  /// A node without pods, with the same images and capacity.
  func restarted() -> Node { Node(catalog: catalog, capacity: resources.capacity) }

  var nextDeadline: Duration? { deadlines.next }

  // MARK: Events

  /// Handles the creation, change or deletion of a pod.
  mutating func sync(_ name: ObjectName, in store: ObjectStore, now: Duration) -> [NodeJob] {
    guard let record = store.record(Resource.pods.kind, name) else { return [] }
    let uid = record.uid
    if pods[uid] == nil { add(record.object, now: now) }
    if record.object.isBeingDeleted {
      if pods[uid]?.hasFolders == false { return removed(uid, in: store, now: now) }
      return deliver(.deleted, to: uid, in: store, now: now)
    }
    guard case .new? = pods[uid]?.machine.stage else { return [] }
    return admit(uid, record.object, in: store, now: now)
  }

  /// Wakes the pods whose deadlines have passed.
  mutating func wake(in store: ObjectStore, now: Duration) -> [NodeJob] {
    var jobs: [NodeJob] = []
    while let uid = deadlines.popDue(now) { jobs += deliver(.due, to: uid, in: store, now: now) }
    return jobs
  }

  mutating func deliver(
    _ event: PodMachine.Event, to uid: String, in store: ObjectStore, now: Duration
  ) -> [NodeJob] {
    guard var pod = pods[uid] else { return [] }
    let before = pod.machine
    let context = PodMachine.Context(now: now, catalog: catalog, newID: Self.newID)
    pod.queue += pod.machine.handle(event, context)
    if !pod.queue.isEmpty { pod.hasFolders = true }
    let hasChanged =
      pod.machine.stage != before.stage || pod.machine.containers != before.containers
      || pod.machine.facts.refusal != before.facts.refusal
    if hasChanged, event != .deleted {
      let status = pod.machine.status(at: now)
      if let record = store.record(Resource.pods.kind, pod.spec.name), record.uid == uid {
        store.setStatus(record, status)
      }
    }
    if pod.machine.deadline != before.deadline, let deadline = pod.machine.deadline {
      deadlines.add(uid, at: deadline)
    }
    pods[uid] = pod
    return nextJob(uid).map { [$0] } ?? []
  }

  /// Handles the end of a batch of work on the pod's folders.
  mutating func finished(_ uid: String, in store: ObjectStore, now: Duration) -> [NodeJob] {
    pods[uid]?.isBusy = false
    return nextJob(uid).map { [$0] } ?? []
  }

  /// Removes the pod after its folders were removed.
  mutating func removed(_ uid: String, in store: ObjectStore, now: Duration) -> [NodeJob] {
    guard let pod = pods.removeValue(forKey: uid) else { return [] }
    if let ip = pod.machine.facts.ip { addresses.free(ip) }
    if let record = store.record(Resource.pods.kind, pod.spec.name), record.uid == uid {
      store.remove(record)
    }
    let retried = resources.release(uid)
    var jobs: [NodeJob] = []
    for uid in retried {
      guard let name = pods[uid]?.spec.name, let record = store.record(Resource.pods.kind, name),
        record.uid == uid
      else { continue }
      jobs += admit(uid, record.object, in: store, now: now)
    }
    return jobs
  }

  /// Returns the container in which a command can run; throws if no command can run in it.
  mutating func running(
    _ name: ObjectName, container: String, in store: ObjectStore
  ) throws(APIError) -> RunningContainer {
    let object = try store.existing(Resource.pods.kind, name).object
    guard let pod = pods[object.uid], !object.isBeingDeleted else {
      throw APIError(.notRunning, "Pod \(name) is not running")
    }
    guard let index = pod.spec.containers.firstIndex(where: { $0.name == container && !$0.isInit }) else {
      throw APIError(.invalid, "Pod \(name) has no container \"\(container)\"")
    }
    let state = pod.machine.containers[index]
    guard case .running = state.state, let id = state.containerID,
      let first = pod.machine.containers[pod.machine.firstMain].containerID
    else { throw APIError(.notRunning, "Pod \(name): container \"\(container)\" is not running") }
    pods[object.uid]?.hasFolders = true
    return RunningContainer(
      spec: pod.spec, container: pod.spec.containers[index], containerID: id, rootID: first,
      image: image(of: pod), ip: pod.machine.facts.ip ?? "")
  }

  /// The pods and containers of this node according to the store, for the initial cleanup of the disk.
  static func inventory(_ store: ObjectStore) -> PodFolders.Inventory {
    var current = PodFolders.Inventory()
    for record in store.all(Resource.pods.kind) {
      current.pods.insert(record.object.objectName.description)
      current.uids.insert(record.object.uid)
      let machine = PodMachine(PodSpec(record.object), resuming: record.object.json["status"] ?? [:])
      current.containerIDs.formUnion(machine.containerIDs)
    }
    return current
  }

  /// Adopts the pods of an earlier run of the node. Running pods keep their resources, even on a full node.
  mutating func adopt(_ store: ObjectStore, now: Duration) {
    for record in store.all(Resource.pods.kind) where pods[record.uid] == nil {
      add(record.object, now: now)
    }
  }

  /// Handles the loss of main containers that did not survive the earlier run.
  mutating func lose(_ containerIDs: Set<String>, in store: ObjectStore, now: Duration) -> [NodeJob] {
    guard !containerIDs.isEmpty else { return [] }
    let lost = pods.filter { _, pod in
      let main = pod.machine.firstMain
      guard main < pod.machine.containers.count, let id = pod.machine.containers[main].containerID else {
        return false
      }
      return containerIDs.contains(id)
    }
    return lost.keys.sorted().flatMap { deliver(.killed, to: $0, in: store, now: now) }
  }

  // MARK: Implementation

  private mutating func add(_ object: Object, now: Duration) {
    let spec = PodSpec(object)
    let machine = PodMachine(spec, resuming: object.json["status"] ?? [:])
    if let ip = machine.facts.ip { addresses.use(ip) }
    pods[spec.uid] = Pod(spec: spec, machine: machine, hasFolders: machine.facts.startTime != nil)
    if resources.capacity.isLimited, case .running = machine.stage {
      resources.claim(PodSpec.requests(object), for: spec.uid)
    }
  }

  private mutating func admit(_ uid: String, _ object: Object, in store: ObjectStore, now: Duration)
    -> [NodeJob]
  {
    if resources.capacity.isLimited, let lack = resources.admit(uid, PodSpec.requests(object)) {
      return deliver(.refused(message: "0/1 nodes are available: 1 \(lack)."), to: uid, in: store, now: now)
    }
    let ip = pods[uid]?.machine.facts.ip ?? addresses.next()
    return deliver(.admitted(ip: ip), to: uid, in: store, now: now)
  }

  private func image(of pod: Pod) -> (any RootFS)? {
    pod.spec.containers[pod.machine.firstMain...].lazy.compactMap { catalog.entry(for: $0.image)?.rootfs }
      .first
  }

  private mutating func nextJob(_ uid: String) -> NodeJob? {
    guard var pod = pods[uid], !pod.isBusy, !pod.queue.isEmpty else { return nil }
    let steps = pod.queue.map { effect in
      switch effect {
      case .prepare(let index, let id):
        let container = pod.spec.containers[index]
        let image = container.isInit ? catalog.entry(for: container.image)?.rootfs : image(of: pod)
        return NodeJob.Step.prepare(container: container, containerID: id, image: image)
      case .runInit(let index, let id):
        return .runInit(container: pod.spec.containers[index], containerID: id)
      case .end(let ids): return .end(containerIDs: ids)
      case .tearDown(let ids): return .tearDown(containerIDs: ids)
      }
    }
    pod.queue = []
    pod.isBusy = true
    pods[uid] = pod
    return NodeJob(spec: pod.spec, ip: pod.machine.facts.ip ?? "", steps: steps)
  }

  private static func newID() -> String {
    UUID().uuidString.lowercased().filter { $0 != "-" }
  }
}
