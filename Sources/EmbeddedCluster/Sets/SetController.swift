import ClusterAPI
import KubeDirector
import Logging
import Values

/// Executes the actions that `SetPlan` decides for a StatefulSet.
struct SetController {
  /// The revision name of each set's template at a generation. Hashing the template again at each change of a
  /// pod would cost more than all other work.
  private var revisionNames: [String: (generation: Int, name: String)] = [:]

  /// Executes one step for a set. Its writes trigger the next step, until there is nothing to do.
  mutating func sync(_ name: ObjectName, in store: ObjectStore, logger: Logger) {
    guard let record = store.record(Resource.statefulSets.kind, name) else { return }
    let set = record.object
    let templateRevision = revisionName(of: set, uid: record.uid)
    let pods = store.dependents(of: record.uid, kind: Resource.pods.kind)
    let revisions = store.dependents(of: record.uid, kind: Resource.controllerRevisions.kind)
    let actions = SetPlan.actions(
      set: SetState(set, templateRevision: templateRevision),
      revisions: revisions.map {
        RevisionState(name: $0.name.name, number: $0.object.json["revision"]?.count() ?? 0)
      },
      pods: pods.compactMap { Self.state($0, set: name.name) })
    for action in actions {
      do throws(APIError) {
        try perform(action, for: record, in: store)
      } catch {
        // The rest of the plan continues: one pod whose name is taken must not block the others.
        logger.warning(
          "a step for a StatefulSet failed",
          metadata: ["statefulSet": "\(name)", "action": "\(action)", "error": "\(error)"])
      }
    }
  }

  private static func state(_ record: ObjectStore.Record, set: String) -> SetPodState? {
    if let known = record.podState, known.version == record.version { return known.state }
    let state = SetPodState(record.object, set: set)
    record.podState = (record.version, state)
    return state
  }

  mutating func forget(uid: String) { revisionNames[uid] = nil }

  private mutating func revisionName(of set: Object, uid: String) -> String {
    let generation = set.generation
    if let known = revisionNames[uid], known.generation == generation { return known.name }
    let name = PodFactory.revisionName(of: set)
    revisionNames[uid] = (generation, name)
    return name
  }

  private func perform(
    _ action: SetAction, for record: ObjectStore.Record, in store: ObjectStore
  ) throws(APIError) {
    let set = record.object
    let revisions = Resource.controllerRevisions.kind
    func sibling(_ name: String) -> ObjectName { ObjectName(namespace: set.namespace, name: name) }
    switch action {
    case .createRevision(let name, let number):
      _ = try store.create(PodFactory.revision(of: set, name: name, number: number))
    case .renumberRevision(let name, let number):
      _ = try store.patch(revisions, sibling(name), merge: ["revision": JSON(number)])
    case .deleteRevision(let name):
      try store.delete(revisions, sibling(name), .none)
    case .createPod(let ordinal, let revision):
      let claims = PodFactory.volumeClaims(of: set, ordinal: ordinal)
      func found(_ claim: Object) -> Object? { store.record(claim.kind, claim.objectName)?.object }
      // Waits for claims that are being deleted.
      guard !claims.contains(where: { found($0)?.isBeingDeleted == true }) else { return }
      for claim in claims where found(claim) == nil { _ = try store.create(claim) }
      let template = try store.existing(revisions, sibling(revision)).object
      _ = try store.create(PodFactory.pod(of: set, ordinal: ordinal, revision: template), keepsStatus: true)
    case .deletePod(let name):
      try store.delete(Resource.pods.kind, sibling(name), .none)
    case .writeStatus(let status):
      store.setStatus(record, status.json)
    }
  }
}
