import ClusterAPI
import DequeModule
import FoundationEssentials
import KubeDirector
import Values

/// The objects in memory, with Kubernetes' rules for writing them.
///
/// Belongs to one actor. No method waits: writes are collected in `changes` and in the rows of the next commit,
/// and take effect only when `Persistence` has stored them.
final class ObjectStore {
  final class Record {
    let id: Int64
    let kind: String
    // Constants of the object, stored here because reading them from the JSON each time would be the largest
    // cost.
    let name: ObjectName
    let uid: String
    var object: Object
    var version: Int64
    /// False until the object's row is on disk.
    var isStored: Bool
    /// The set controller's view of the pod, and the version that it was made from.
    var podState: (version: Int64, state: SetPodState?)?

    init(id: Int64, kind: String, object: Object, version: Int64, isStored: Bool) {
      self.id = id
      self.kind = kind
      name = object.objectName
      uid = object.uid
      self.object = object
      self.version = version
      self.isStored = isStored
    }
  }

  private(set) var version: Int64
  /// The changes since the last commit.
  private(set) var changes: [Change] = []
  private var index = ObjectIndex()
  /// Events, the oldest first. An API server deletes them after an hour; this store, when there are too many.
  private var events: Deque<Record> = []
  private var dirty: [Int64: Record] = [:]
  private var removed: [Int64] = []
  private var nextID: Int64
  private let rules: ObjectRules
  private let now: () -> Duration

  init(
    objects: [Persistence.Stored], version: Int64, rules: ObjectRules = ObjectRules(),
    now: @escaping () -> Duration
  ) {
    self.version = version
    self.rules = rules
    self.now = now
    nextID = (objects.last?.id ?? 0) + 1
    for stored in objects {
      let object = stored.object
      insert(
        Record(
          id: stored.id, kind: object.kind, object: object, version: Int64(object.resourceVersion) ?? 0,
          isStored: true))
    }
  }

  /// A store with other objects and the same rules.
  func reloaded(_ objects: [Persistence.Stored], version: Int64) -> ObjectStore {
    ObjectStore(objects: objects, version: version, rules: rules, now: now)
  }

  // MARK: Reading

  func record(_ kind: String, _ name: ObjectName) -> Record? { index.record(kind, name) }

  func object(_ kind: String, _ name: ObjectName) -> Object? { record(kind, name)?.object }

  func existing(_ kind: String, _ name: ObjectName) throws(APIError) -> Record {
    guard let record = record(kind, name) else { throw APIError(.notFound, "\(kind) \(name) does not exist") }
    return record
  }

  /// Returns objects sorted by name.
  func list(_ kind: String, namespace: String?, labels: LabelSelector) -> [Object] {
    let found = index.candidates(kind, namespace: namespace, labels: labels)
    let isChosen = !labels.equals.isEmpty || !labels.exists.isEmpty
    return found.filter { !isChosen || labels.matches($0.object) }.sorted { $0.name < $1.name }.map(\.object)
  }

  /// Returns the objects that are owned by the object with this uid.
  func dependents(of uid: String, kind: String? = nil) -> [Record] {
    let found = index.dependents(of: uid)
    guard let kind else { return found }
    return found.filter { $0.kind == kind }
  }

  func exists(uid: String) -> Bool { index.exists(uid: uid) }

  /// Returns every object of a kind, in no particular order.
  func all(_ kind: String) -> [Record] { index.all(kind) }

  /// Returns the objects whose owners no longer exist.
  func orphans() -> [Record] { index.orphans() }

  func isOrphan(_ record: Record) -> Bool { index.isOrphan(record) }

  // MARK: Writing

  /// - Parameter keepsStatus: true for callers that create objects together with their status.
  func create(_ given: Object, keepsStatus: Bool = false) throws(APIError) -> Object {
    var object = try rules.admitted(given, keepsStatus: keepsStatus)
    let name = object.objectName
    guard record(object.kind, name) == nil else {
      throw APIError(.alreadyExists, "\(object.kind) \(name) exists already")
    }
    var metadata = object.json["metadata"] ?? [:]
    metadata["uid"] = .string(UUID().uuidString.lowercased())
    metadata["generation"] = 1
    metadata["creationTimestamp"] = .string(Timestamp.text(now().wholeSeconds))
    metadata["deletionTimestamp"] = nil
    metadata["deletionGracePeriodSeconds"] = nil
    version += 1
    metadata["resourceVersion"] = .string(String(version))
    object.json["metadata"] = metadata
    let record = Record(id: nextID, kind: object.kind, object: object, version: version, isStored: false)
    nextID += 1
    insert(record)
    dirty[record.id] = record
    changes.append(Change(version: version, kind: record.kind, name: record.name, old: nil, new: object))
    while events.count > rules.eventLimit { remove(events.removeFirst()) }
    return object
  }

  /// Replaces everything except the status and the fields that only the server sets.
  func update(_ given: Object) throws(APIError) -> Object {
    let record = try existing(given.kind, given.objectName)
    try check(record, uid: given.uid, resourceVersion: given.resourceVersion)
    return try replace(record, with: given.json)
  }

  /// Replaces only the status.
  func updateStatus(_ given: Object) throws(APIError) -> Object {
    let record = try existing(given.kind, given.objectName)
    try check(record, uid: given.uid, resourceVersion: given.resourceVersion)
    if let status = given.json["status"] { try rules.checkSize(status, of: record.object) }
    return setStatus(record, given.json["status"])
  }

  /// Sets a status without a size check; for a status that is known to be small.
  @discardableResult
  func setStatus(_ record: Record, _ status: JSON?) -> Object {
    guard record.object.json["status"] != status else { return record.object }
    var json = record.object.json
    json["status"] = status
    return store(record, json)
  }

  func patch(_ kind: String, _ name: ObjectName, merge: JSON) throws(APIError) -> Object {
    let record = try existing(kind, name)
    guard merge.object != nil else {
      throw APIError(.invalid, "a merge patch of \(kind) \(name) must be an object, not \(merge.typeName)")
    }
    let uid = merge["metadata"]?["uid"]?.string ?? ""
    try check(record, uid: uid, resourceVersion: merge["metadata"]?["resourceVersion"]?.string ?? "")
    return try replace(record, with: record.object.json.merging(patch: merge))
  }

  /// Deletes an object. If something must be done first, only marks it as being deleted.
  func delete(_ kind: String, _ name: ObjectName, _ preconditions: Preconditions) throws(APIError) {
    let record = try existing(kind, name)
    try check(record, uid: preconditions.uid ?? "", resourceVersion: preconditions.resourceVersion ?? "")
    guard !record.object.isBeingDeleted else { return }
    // A pod has to be ended first; a volume claim is removed when no pod uses it any more.
    let isHeld = [Resource.pods.kind, Resource.volumeClaims.kind].contains(kind)
    guard isHeld || rules.hasFinalizers(record.object.json) else { return remove(record) }
    var json = record.object.json
    var metadata = json["metadata"] ?? [:]
    metadata["deletionTimestamp"] = .string(Timestamp.text(now().wholeSeconds))
    metadata["deletionGracePeriodSeconds"] = 0
    json["metadata"] = metadata
    _ = store(record, json)
  }

  /// Removes the object from the store.
  func remove(_ record: Record) {
    guard index.remove(record) else { return }
    dirty[record.id] = nil
    if record.isStored { removed.append(record.id) }
    version += 1
    var last = record.object
    last.json["metadata"]?["resourceVersion"] = .string(String(version))
    changes.append(Change(version: version, kind: record.kind, name: record.name, old: last, new: nil))
  }

  // MARK: Committing

  var hasChanges: Bool { !changes.isEmpty }

  /// Returns the rows that bring the disk up to date.
  func batch() -> Persistence.Batch {
    let rows = dirty.values.sorted { $0.id < $1.id }.map {
      Persistence.Batch.Row(id: $0.id, isNew: !$0.isStored, object: $0.object, version: $0.version)
    }
    return Persistence.Batch(rows: rows, removed: removed, version: version)
  }

  /// Call this when the batch is on disk. Returns the committed changes.
  func committed() -> [Change] {
    for record in dirty.values { record.isStored = true }
    dirty.removeAll(keepingCapacity: true)
    removed.removeAll(keepingCapacity: true)
    defer { changes.removeAll(keepingCapacity: true) }
    return changes
  }

  // MARK: Implementation

  private func check(_ record: Record, uid: String, resourceVersion: String) throws(APIError) {
    if !uid.isEmpty, uid != record.uid {
      throw APIError(
        .conflict,
        "\(record.kind) \(record.name) is another object of the same name by now; read it again")
    }
    if !resourceVersion.isEmpty, Int64(resourceVersion) != record.version {
      throw APIError(
        .conflict,
        "\(record.kind) \(record.name) has changed since version \(resourceVersion); read it again"
      )
    }
  }

  private func replace(_ record: Record, with given: JSON) throws(APIError) -> Object {
    let json = try rules.replaced(record.object, with: given)
    guard json != record.object.json else { return record.object }
    if record.object.isBeingDeleted, !rules.hasFinalizers(json), record.kind != Resource.pods.kind {
      remove(record)
      return Object(json)
    }
    return store(record, json)
  }

  private func store(_ record: Record, _ json: JSON) -> Object {
    version += 1
    var metadata = json["metadata"] ?? [:]
    metadata["resourceVersion"] = .string(String(version))
    var object = Object(json)
    object.json["metadata"] = metadata
    let old = record.object
    index.update(record, to: object)
    record.version = version
    dirty[record.id] = record
    changes.append(Change(version: version, kind: record.kind, name: record.name, old: old, new: object))
    return object
  }

  private func insert(_ record: Record) {
    index.insert(record)
    if record.kind == Resource.events.kind { events.append(record) }
  }
}
