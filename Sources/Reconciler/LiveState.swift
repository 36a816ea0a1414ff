import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Rules
import Values

/// The live state: the apps and clusters of the cluster, as the judge needs them.
struct LiveState {
  private(set) var objects: [ObjectReference: Object] = [:]
  /// The objects that this installation has applied: the baseline that changes are judged against.
  private(set) var applied: Snapshot
  private(set) var view = LiveView(source: .cluster)
  private var listed: Set<Resource> = []
  private var byCommit: [ObjectID: Set<ObjectReference>] = [:]
  private let installation: String
  /// The uids of deleted objects (tombstones): a list that was made before the deletion may still contain them. Only
  /// the most recent ones are kept.
  private var tombstones: [String] = []
  private static let tombstoneLimit = 256

  init(installation: String, defaultNamespace: String = "default") {
    self.installation = installation
    applied = Snapshot(defaultNamespace: defaultNamespace)
  }

  /// False until both kinds were listed once; until then, a missing object does not mean that it was deleted.
  var isComplete: Bool { listed.contains(.apps) && listed.contains(.clusters) }

  /// Applies a watch event; returns the objects that changed.
  mutating func take(_ change: FollowedChange, of resource: Resource) -> Set<ObjectReference> {
    switch change {
    case .all(let all):
      listed.insert(resource)
      let now = Set(all.map(\.reference))
      let gone = objects.keys.filter { $0.kind == resource.kind && !now.contains($0) }
      for reference in gone { remove(reference) }
      return Set(all.filter { put($0) }.map(\.reference)).union(gone)
    case .changed(let object): return put(object) ? [object.reference] : []
    case .removed(let object):
      guard objects[object.reference].map({ $0.uid == object.uid }) ?? false else { return [] }
      addTombstone(object)
      return [object.reference]
    }
  }

  /// Merges a list that was requested while the watch runs; the newer version of each object wins.
  mutating func take(_ list: ObjectList, of resource: Resource) -> Set<ObjectReference> {
    let now = Set(list.items.map(\.reference))
    let gone = objects.filter { reference, object in
      guard reference.kind == resource.kind, !now.contains(reference),
        let known = Int(object.resourceVersion), let listed = Int(list.resourceVersion)
      else { return false }
      return known <= listed
    }.keys
    for reference in gone { remove(reference) }
    return Set(list.items.filter { put($0) }.map(\.reference)).union(gone)
  }

  /// Stores an object unless a newer version is known; returns whether it was stored.
  @discardableResult
  mutating func put(_ object: Object) -> Bool {
    let reference = object.reference
    if tombstones.contains(object.uid) { return false }
    if let known = objects[reference], known.uid == object.uid, let old = Int(known.resourceVersion),
      let new = Int(object.resourceVersion), new <= old
    {
      return false
    }
    if let known = objects[reference] {
      guard view.cluster(reference) == nil || !Self.differInStatusAlone(known, object) else {
        objects[reference] = object
        view.hold(reference, status: ClusterStatus(object.json["status"]), generation: object.generation)
        return true
      }
      remove(reference)
    }
    objects[reference] = object
    if reference.kind == Wire.appKind {
      if let app = App(object.json) { view.hold(app) }
    } else if let cluster = Cluster(object.json) {
      view.hold(
        reference, status: ClusterStatus(object.json["status"]), generation: cluster.metadata.generation)
    }
    guard object.label(Wire.Label.source) == installation else { return true }
    for commit in Self.commits(of: object) { byCommit[commit, default: []].insert(reference) }
    Self.insert(object, into: &applied, from: object.annotation(Wire.Annotation.path))
    return true
  }

  /// Copies an object that kdops did not apply into a baseline, as if kdops had applied it. A cluster that no engine
  /// has observed is left out: nothing of it runs, so it is handled like a new one.
  func copy(_ object: Object, to base: inout Snapshot) {
    guard object.kind == Wire.appKind || status(of: object.reference) != nil else { return }
    Self.insert(object, into: &base, from: nil)
  }

  private static func insert(_ object: Object, into base: inout Snapshot, from path: String?) {
    if object.kind == Wire.appKind {
      guard var app = App(object.json) else { return }
      app.metadata = carried(object, app.metadata)
      base.insert(app, from: path)
    } else {
      guard var cluster = Cluster(object.json) else { return }
      cluster.metadata = carried(object, cluster.metadata)
      base.insert(cluster, from: path)
    }
  }

  /// Whether only the engine has written a cluster's status since, as it often does during an upgrade: a changed spec
  /// gets another generation.
  private static func differInStatusAlone(_ old: Object, _ new: Object) -> Bool {
    guard new.kind == Wire.clusterKind, old.uid == new.uid, old.generation == new.generation else {
      return false
    }
    let (before, after) = (old.json["metadata"], new.json["metadata"])
    return before?["labels"] == after?["labels"] && before?["annotations"] == after?["annotations"]
  }

  private mutating func addTombstone(_ object: Object) {
    remove(object.reference)
    tombstones.append(object.uid)
    if tombstones.count > Self.tombstoneLimit { tombstones.removeFirst() }
  }

  private mutating func remove(_ reference: ObjectReference) {
    let path = objects[reference]?.annotation(Wire.Annotation.path)
    for commit in objects[reference].map(Self.commits) ?? [] {
      byCommit[commit]?.remove(reference)
      if byCommit[commit]?.isEmpty == true { byCommit[commit] = nil }
    }
    objects[reference] = nil
    view.drop(reference)
    applied.remove(reference, from: path)
  }

  /// The commits of this installation's live objects: those that were applied last, and those that asked for the specs.
  var commits: Set<ObjectID> { Set(byCommit.keys) }

  /// The live objects that came from a commit.
  func objects(of commit: ObjectID) -> Set<ObjectReference> { byCommit[commit] ?? [] }

  /// The commits of clusters that are not in a final state.
  var underWay: Set<ObjectID> {
    Set(
      byCommit.filter { _, objects in
        objects.contains { object in
          guard object.kind == Wire.clusterKind else { return false }
          let status = status(of: object)
          return status?.state != .configured || status?.upgradeInfo != nil
        }
      }.keys)
  }

  private static func commits(of object: Object) -> Set<ObjectID> {
    guard let origin = Provenance(of: object) else { return [] }
    return Set([origin.commit, origin.specCommit].compactMap { ObjectID(hex: $0) })
  }

  func status(of cluster: ObjectReference) -> ClusterStatus? { view.cluster(cluster)?.status }

  /// The metadata as the file had it: keys that others or kdops itself added are not part of the change.
  private static func carried(_ object: Object, _ metadata: Metadata) -> Metadata {
    var metadata = metadata
    metadata.labels = metadata.labels.filter { Applier.isCarried("l:\($0.key)", object) }
    metadata.annotations = metadata.annotations.filter { Applier.isCarried("a:\($0.key)", object) }
    return metadata
  }
}

extension Object {
  var reference: ObjectReference { ObjectReference(kind: kind, namespace: namespace, name: name) }
}

extension ObjectReference {
  var resource: Resource { kind == Wire.appKind ? .apps : .clusters }
}
