import ClusterAPI
import KubeDirector
import Values

/// Finds the objects of a store by name, owner and cluster.
///
/// Belongs to one store, which changes the indexed fields of a record only through this index.
struct ObjectIndex {
  typealias Record = ObjectStore.Record

  private struct ClusterKey: Hashable {
    var kind: String
    var namespace: String
    var cluster: String

    init?(_ record: Record) {
      guard let cluster = record.object.label(Wire.Label.cluster) else { return nil }
      self.init(kind: record.kind, namespace: record.name.namespace, cluster: cluster)
    }

    init(kind: String, namespace: String, cluster: String) {
      (self.kind, self.namespace, self.cluster) = (kind, namespace, cluster)
    }
  }

  /// By kind, namespace and name.
  private var records: [String: [String: [String: Record]]] = [:]
  private var byOwner: [String: [Record]] = [:]
  private var byCluster: [ClusterKey: [Int64: Record]] = [:]
  private var uids: Set<String> = []

  // MARK: Queries

  func record(_ kind: String, _ name: ObjectName) -> Record? { records[kind]?[name.namespace]?[name.name] }

  func exists(uid: String) -> Bool { uids.contains(uid) }

  /// Returns every object of a kind, in no particular order.
  func all(_ kind: String) -> [Record] { records[kind]?.values.flatMap(\.values) ?? [] }

  /// Returns at least the objects that a list contains, in no particular order.
  func candidates(_ kind: String, namespace: String?, labels: LabelSelector) -> [Record] {
    guard let namespace else { return all(kind) }
    guard let cluster = labels.equals[Wire.Label.cluster] else {
      return records[kind]?[namespace].map { Array($0.values) } ?? []
    }
    let key = ClusterKey(kind: kind, namespace: namespace, cluster: cluster)
    return byCluster[key].map { Array($0.values) } ?? []
  }

  /// Returns the objects that are owned by the object with this uid.
  func dependents(of uid: String) -> [Record] { byOwner[uid] ?? [] }

  /// Returns the objects whose owners no longer exist, in the order of their creation.
  func orphans() -> [Record] {
    var found: [Int64: Record] = [:]
    for (uid, dependents) in byOwner where !uids.contains(uid) {
      for record in dependents where isOrphan(record) { found[record.id] = record }
    }
    return found.values.sorted { $0.id < $1.id }
  }

  func isOrphan(_ record: Record) -> Bool {
    let owners = record.object.owners
    return !owners.isEmpty && owners.allSatisfy { !uids.contains($0.uid) }
  }

  // MARK: Changes

  mutating func insert(_ record: Record) {
    let name = record.name
    records[record.kind, default: [:]][name.namespace, default: [:]][name.name] = record
    uids.insert(record.uid)
    addFields(of: record)
  }

  /// - Returns: false if the record was removed before.
  mutating func remove(_ record: Record) -> Bool {
    let name = record.name
    guard self.record(record.kind, name) === record else { return false }
    records[record.kind]?[name.namespace]?[name.name] = nil
    if records[record.kind]?[name.namespace]?.isEmpty == true { records[record.kind]?[name.namespace] = nil }
    removeFields(of: record)
    uids.remove(record.uid)
    return true
  }

  /// Replaces the object of a record.
  mutating func update(_ record: Record, to object: Object) {
    let old = record.object
    let isIndexedElsewhere =
      old.json["metadata"]?["ownerReferences"] != object.json["metadata"]?["ownerReferences"]
      || old.label(Wire.Label.cluster) != object.label(Wire.Label.cluster)
    if isIndexedElsewhere { removeFields(of: record) }
    record.object = object
    if isIndexedElsewhere { addFields(of: record) }
  }

  private mutating func addFields(of record: Record) {
    for owner in record.object.owners { byOwner[owner.uid, default: []].append(record) }
    if let key = ClusterKey(record) { byCluster[key, default: [:]][record.id] = record }
  }

  private mutating func removeFields(of record: Record) {
    for owner in record.object.owners {
      byOwner[owner.uid]?.removeAll { $0 === record }
      if byOwner[owner.uid]?.isEmpty == true { byOwner[owner.uid] = nil }
    }
    guard let key = ClusterKey(record) else { return }
    byCluster[key]?[record.id] = nil
    if byCluster[key]?.isEmpty == true { byCluster[key] = nil }
  }
}
