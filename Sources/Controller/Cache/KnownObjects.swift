import ClusterAPI
import KubeDirector
import LiveState
import Upgrade
import Values

// Objects as last observed, with the values that the engine needs. They are decoded once per change, because a cluster
// is reconciled many times before any one of its objects changes. Fields that the engine does not know stay in the
// object.

/// A cluster as last observed.
struct KnownCluster: Sendable {
  let object: Object
  /// Nil if the object is not a valid cluster.
  let cluster: Cluster?
  let status: ClusterStatus?
  /// Fields of the status that only another operator writes.
  let foreignFields: [String]
  /// Whether the spec was applied from git.
  let isStamped: Bool

  /// Decodes a cluster. Parts that have not changed since the last version are not decoded again.
  ///
  /// - Parameter written: the status that was just written, with its JSON; nil for an object from the watch.
  init(
    _ object: Object, over old: KnownCluster?, stamp: Stamp,
    written: (status: ClusterStatus, json: JSON)? = nil
  ) {
    self.object = object
    let json = object.json["status"]
    if let written, json == written.json {
      status = written.status
    } else {
      status = ClusterStatus(json)
    }
    foreignFields = ClusterShape.foreignFields(of: json)
    guard let old, old.object.json["spec"] == object.json["spec"], old.object.kind == object.kind else {
      cluster = Cluster(object.json)
      isStamped = stamp.holds(object.json)
      return
    }
    cluster = old.cluster.flatMap { old in
      Metadata(object.json).map { Cluster(metadata: $0, spec: old.spec) }
    }
    let isSame =
      old.object.objectName == object.objectName
      && old.object.json["metadata"]?["annotations"] == object.json["metadata"]?["annotations"]
    isStamped = isSame ? old.isStamped : stamp.holds(object.json)
  }
}

/// A StatefulSet as last observed.
struct KnownSet: ClusterMember {
  let object: Object
  let cluster: ObjectName
  let uid: String
  /// The uids of the set's owners.
  let owners: [String]
  let role: String?
  let observation: SetObservation

  init?(watched object: Object) {
    guard let cluster = object.label(Wire.Label.cluster) else { return nil }
    self.init(object, of: cluster)
  }

  init(_ object: Object, of cluster: String) {
    self.object = object
    self.cluster = ObjectName(namespace: object.namespace, name: cluster)
    uid = object.uid
    owners = object.owners.map(\.uid)
    role = object.label(Wire.Label.role)
    observation = SetObservation(object)
  }
}

/// A pod as last observed.
struct KnownPod: ClusterMember {
  let object: Object
  let cluster: ObjectName
  let uid: String
  /// The uids of the pod's owners.
  let owners: [String]
  let observation: PodObservation

  init?(watched object: Object) {
    guard let cluster = object.label(Wire.Label.cluster) else { return nil }
    self.object = object
    self.cluster = ObjectName(namespace: object.namespace, name: cluster)
    uid = object.uid
    owners = object.owners.map(\.uid)
    observation = PodObservation(object)
  }
}

/// A member service as last observed.
struct KnownService: ClusterMember {
  let cluster: ObjectName
  /// The uids of the service's owners.
  var owners: [String]
  /// A digest of the service's input, set by `ObjectBuilder`.
  var mark: String?

  init?(watched object: Object) {
    guard let cluster = object.label(Wire.Label.cluster) else { return nil }
    self.cluster = ObjectName(namespace: object.namespace, name: cluster)
    owners = object.owners.map(\.uid)
    mark = object.annotation(ServiceAnnotation.mark)
  }
}

/// An app as last observed.
struct KnownApp: Sendable {
  var app: App
  var uid: String
  /// Whether the app was applied from git.
  var isStamped: Bool

  /// Nil for an object that is not a valid app, and for an edit of an app from git: the last version stays.
  init?(_ object: Object, over known: KnownApp?, _ scope: EngineScope) {
    guard let app = App(object.json) else { return nil }
    let isStamped = scope.stamp.holds(object.json)
    guard isStamped || !scope.isEdited(object, since: known) else { return nil }
    self.app = app
    uid = object.uid
    self.isStamped = isStamped
  }
}
