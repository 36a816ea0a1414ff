import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import LiveState
import Rules
import Values

/// The live apps and clusters, in the form that the judge needs.
struct LiveState {
  private var watched = WatchedObjects<Object>()
  /// The objects that this installation has applied: the baseline that changes are judged against.
  private(set) var applied: Snapshot
  private(set) var view = LiveView(source: .cluster)
  private var byCommit: [ObjectID: Set<ObjectReference>] = [:]
  private let installation: String

  init(installation: String) {
    self.installation = installation
    applied = Snapshot()
  }

  var objects: [ObjectReference: Object] { watched.values }

  /// False until both kinds were listed once; until then, a missing object does not mean that it was deleted.
  var isComplete: Bool { [Resource.apps, .clusters].allSatisfy { watched.isListed(WatchScope($0)) } }

  /// Applies a watch event; returns the objects that changed.
  mutating func take(_ change: FollowedChange, of resource: Resource) -> Set<ObjectReference> {
    index(watched.take(change, of: WatchScope(resource)))
  }

  /// Merges a list that was requested while the watch runs; the newer version of each object wins.
  mutating func take(_ list: ObjectList, of resource: Resource) -> Set<ObjectReference> {
    index(watched.merge(list, of: WatchScope(resource)))
  }

  /// Stores an object unless a newer version is known; returns whether it was stored.
  @discardableResult
  mutating func put(_ object: Object) -> Bool { !index(watched.put(object).map { [$0] } ?? []).isEmpty }

  private mutating func index(_ changes: [WatchedObjects<Object>.Change]) -> Set<ObjectReference> {
    for change in changes {
      switch change {
      case .removed(let reference, let object): drop(reference, object)
      case .stored(let reference, let object, let known): index(reference, object, over: known)
      }
    }
    return Set(changes.map(\.reference))
  }

  private mutating func index(_ reference: ObjectReference, _ object: Object, over known: Object?) {
    if let known {
      guard view.cluster(reference) == nil || !Self.differInStatusAlone(known, object) else {
        view.hold(reference, status: ClusterStatus(object.json["status"]), generation: object.generation)
        return
      }
      drop(reference, known)
    }
    if reference.kind == Wire.appKind {
      if let app = App(object.json) { view.hold(app) }
    } else if let cluster = Cluster(object.json) {
      view.hold(
        reference, status: ClusterStatus(object.json["status"]), generation: cluster.metadata.generation)
    }
    guard object.label(Wire.Label.source) == installation else { return }
    for commit in Self.commits(of: object) { byCommit[commit, default: []].insert(reference) }
    Self.insert(object, into: &applied, from: object.annotation(Wire.Annotation.path))
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

  private mutating func drop(_ reference: ObjectReference, _ object: Object) {
    for commit in Self.commits(of: object) {
      byCommit[commit]?.remove(reference)
      if byCommit[commit]?.isEmpty == true { byCommit[commit] = nil }
    }
    view.drop(reference)
    applied.remove(reference, from: object.annotation(Wire.Annotation.path))
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
    metadata.labels = metadata.labels.filter { object.isCarried("l:\($0.key)") }
    metadata.annotations = metadata.annotations.filter { object.isCarried("a:\($0.key)") }
    return metadata
  }
}

extension Object {
  var reference: ObjectReference { ObjectReference(kind: kind, namespace: namespace, name: name) }
}

extension ObjectReference {
  var resource: Resource { kind == Wire.appKind ? .apps : .clusters }
}
