import ClusterAPI
import KubeDirector
import Logging
import Values

/// The StatefulSet controller and the garbage collector, and the objects that they and the node have to examine.
///
/// Belongs to one actor. Everything happens in turns: changes are added to the queues, and each step handles one
/// entry, which may cause further changes.
struct Controllers {
  private var sets = SetController()
  private var changedPods = NameQueue()
  private var changedSets = NameQueue()
  /// The uids of owners that do not exist any more.
  private var orphanedOwners: [String] = []
  /// Claims that are being deleted and whose volumes are not being removed yet.
  private var endingClaims: Set<ObjectName> = []
  /// The number of uncommitted changes that were added to the queues.
  private var routed = 0

  /// The number of steps after which a turn ends, so that other calls can run in between.
  static let stepsInTurn = 1_000

  var hasWork: Bool { !changedPods.isEmpty || !changedSets.isEmpty || !orphanedOwners.isEmpty }

  // MARK: Queues

  /// Adds every object, as at the start, or after the store was read again.
  mutating func addAll(of store: ObjectStore) {
    for record in store.all(Resource.pods.kind) { changedPods.add(record.name) }
    for record in store.all(Resource.statefulSets.kind) { changedSets.add(record.name) }
    for record in store.all(Resource.volumeClaims.kind) where record.object.isBeingDeleted {
      endingClaims.insert(record.name)
    }
    for record in store.orphans() { orphanedOwners += record.object.owners.map(\.uid) }
  }

  /// Adds the objects that the changes since the last call affect.
  mutating func addChanges(of store: ObjectStore) {
    let changes = store.changes
    while routed < changes.count {
      add(changes[routed], in: store)
      routed += 1
    }
  }

  /// Call this when the store's changes were committed or discarded.
  mutating func changesEnded() { routed = 0 }

  private mutating func add(_ change: Change, in store: ObjectStore) {
    guard let object = change.new ?? change.old else { return }
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
        return
      }
      changedSets.add(change.name)
    case Resource.volumeClaims.kind:
      if change.new?.isBeingDeleted == true { endingClaims.insert(change.name) }
      guard change.new == nil else { return }
      // A StatefulSet may be waiting for this deletion.
      for set in store.all(Resource.statefulSets.kind) where set.name.namespace == change.name.namespace {
        changedSets.add(set.name)
      }
    default: return
    }
  }

  // MARK: Turns

  /// Handles queued objects and the changes that this causes, up to a number of steps.
  /// - Returns: work on the folders of pods.
  mutating func turn(
    _ node: inout Node, in store: ObjectStore, now: Duration, logger: Logger, steps: Int = stepsInTurn
  ) -> [NodeJob] {
    var jobs = node.wake(in: store, now: now)
    addChanges(of: store)
    var budget = steps
    while budget > 0, hasWork {
      budget -= 1
      jobs += step(&node, in: store, now: now, logger: logger)
      addChanges(of: store)
    }
    return jobs
  }

  private mutating func step(
    _ node: inout Node, in store: ObjectStore, now: Duration, logger: Logger
  ) -> [NodeJob] {
    if let uid = orphanedOwners.popLast() {
      for record in store.dependents(of: uid) where store.isOrphan(record) {
        // Without preconditions a delete fails only if the object no longer exists.
        try? store.delete(record.kind, record.name, .none)
      }
    } else if let pod = changedPods.pop() {
      return node.sync(pod, in: store, now: now)
    } else if let set = changedSets.pop() {
      sets.sync(set, in: store, logger: logger)
    }
    return []
  }

  /// Removes the claims that no pod uses any more from the queue of those that are being deleted.
  /// - Returns: the claims whose volumes can be removed now.
  mutating func takeUnusedClaims(in store: ObjectStore) -> [ObjectName] {
    guard !endingClaims.isEmpty else { return [] }
    var used: Set<ObjectName> = []
    for pod in store.all(Resource.pods.kind) {
      for volume in pod.object.json["spec"]?["volumes"]?.array ?? [] {
        guard let claim = volume["persistentVolumeClaim"]?["claimName"]?.string else { continue }
        used.insert(ObjectName(namespace: pod.name.namespace, name: claim))
      }
    }
    let unused = endingClaims.subtracting(used)
    endingClaims.formIntersection(used)
    return unused.sorted()
  }
}
