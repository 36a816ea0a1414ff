import ClusterAPI
import KubeDirector
import LiveState
import Values

/// A watched object with a cluster's label.
protocol ClusterMember: WatchedValue {
  /// The cluster that the label names.
  var cluster: ObjectName { get }
}

/// The watched objects of one kind with a cluster's label, by that cluster.
struct MembersOfKind<Value: ClusterMember> {
  private let resource: Resource
  private var watched: WatchedObjects<Value>
  private var names: [ObjectName: Set<String>] = [:]

  init(_ resource: Resource, tombstones: Int = 256) {
    self.resource = resource
    watched = WatchedObjects(tombstones: tombstones)
  }

  var isListed: Bool { watched.isListed(WatchScope(resource)) }

  func hasAny(of cluster: ObjectName) -> Bool { names[cluster] != nil }

  /// The objects of a cluster for which the predicate is true, by name.
  func of(_ cluster: ObjectName, where isIncluded: (Value) -> Bool) -> [String: Value] {
    guard let names = names[cluster] else { return [:] }
    var found: [String: Value] = [:]
    found.reserveCapacity(names.count)
    for name in names {
      let object = ObjectName(namespace: cluster.namespace, name: name)
      if let value = watched[resource, object], isIncluded(value) { found[name] = value }
    }
    return found
  }

  func contains(of cluster: ObjectName, where predicate: (Value) -> Bool) -> Bool {
    (names[cluster] ?? []).contains { name in
      watched[resource, ObjectName(namespace: cluster.namespace, name: name)].map(predicate) ?? false
    }
  }

  mutating func take(_ change: FollowedChange) -> [WatchedObjects<Value>.Change] {
    index(watched.take(change, of: WatchScope(resource)))
  }

  mutating func put(_ object: Object) -> [WatchedObjects<Value>.Change] {
    index(watched.put(object).map { [$0] } ?? [])
  }

  private mutating func index(
    _ changes: [WatchedObjects<Value>.Change]
  ) -> [WatchedObjects<Value>.Change] {
    for change in changes {
      switch change {
      case .removed(let reference, let value): remove(reference.name, of: value.cluster)
      case .stored(let reference, let value, let replaced):
        guard replaced?.cluster != value.cluster else { continue }
        if let replaced { remove(reference.name, of: replaced.cluster) }
        names[value.cluster, default: []].insert(reference.name)
      }
    }
    return changes
  }

  private mutating func remove(_ name: String, of cluster: ObjectName) {
    names[cluster]?.remove(name)
    if names[cluster]?.isEmpty == true { names[cluster] = nil }
  }
}

/// The StatefulSets, pods and services of all clusters.
struct ClusterMembers {
  private var sets = MembersOfKind<KnownSet>(.statefulSets)
  /// The engine deletes pods, and the response to another write of a pod may arrive after the watch has reported its
  /// deletion, so more deletions are remembered than of the other kinds.
  private var pods = MembersOfKind<KnownPod>(.pods, tombstones: 1024)
  private var services = MembersOfKind<KnownService>(.services)
  /// When pods were deleted that have not been created again.
  private var gone: [ObjectName: [String: Int]] = [:]

  /// Whether StatefulSets, pods and services have been listed.
  var areListed: Bool { sets.isListed && pods.isListed && services.isListed }

  /// The objects of one cluster.
  struct Snapshot {
    var sets: [String: KnownSet]
    var pods: [String: KnownPod]
    /// The marks of its services, by name.
    var services: [String: String]
    var gone: [String: Int]
  }

  /// The objects that belong to the cluster with this uid.
  func snapshot(_ cluster: ObjectName, uid: String) -> Snapshot {
    let sets = sets.of(cluster) { $0.owners.contains(uid) }
    let setUIDs = Set(sets.values.map(\.uid))
    // A pod without an owner is about to be adopted by the set whose labels it has.
    let pods = pods.of(cluster) { $0.owners.isEmpty || $0.owners.contains(where: setUIDs.contains) }
    let services = services.of(cluster) { $0.owners.contains(uid) }.mapValues { $0.mark ?? "" }
    return Snapshot(sets: sets, pods: pods, services: services, gone: gone[cluster] ?? [:])
  }

  /// Whether a cluster has a pod that the budget covers.
  func covers(_ budget: Budget, _ cluster: ObjectName) -> Bool {
    pods.contains(of: cluster) { budget.selector.covers($0.object.labels) }
  }

  /// Applies a watched change.
  ///
  /// - Returns: the clusters to reconcile.
  mutating func take(_ change: FollowedChange, of resource: Resource, now: Int) -> Set<ObjectName> {
    switch resource {
    case .statefulSets: return Self.clusters(of: sets.take(change))
    case .services: return Self.clusters(of: services.take(change))
    case .pods:
      let changes = pods.take(change)
      if case .removed = change {
        for case .removed(let reference, let pod) in changes {
          gone[pod.cluster, default: [:]][reference.name] = now
        }
      }
      return clusters(ofPods: changes)
    default: return []
    }
  }

  /// Applies an object that a write has returned.
  ///
  /// - Returns: the clusters to reconcile.
  mutating func put(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    switch resource {
    case .statefulSets: Self.clusters(of: sets.put(object))
    case .services: Self.clusters(of: services.put(object))
    case .pods: clusters(ofPods: pods.put(object))
    default: []
    }
  }

  /// Forgets the deleted pods of a cluster that no longer exists, once none of its objects does.
  mutating func forgetDeletions(of cluster: ObjectName) {
    guard !sets.hasAny(of: cluster), !pods.hasAny(of: cluster), !services.hasAny(of: cluster) else { return }
    gone[cluster] = nil
  }

  private mutating func clusters(ofPods changes: [WatchedObjects<KnownPod>.Change]) -> Set<ObjectName> {
    for case .stored(let reference, let pod, _) in changes { gone[pod.cluster]?[reference.name] = nil }
    return Self.clusters(of: changes)
  }

  /// The clusters of changed objects.
  ///
  /// A static function, because a method of the value would keep a copy of it while the arguments are evaluated, and
  /// each change of a dictionary would then copy the whole dictionary.
  private static func clusters<Value: ClusterMember>(of changes: [WatchedObjects<Value>.Change]) -> Set<
    ObjectName
  > {
    changes.reduce(into: []) { clusters, change in
      switch change {
      case .removed(_, let value): clusters.insert(value.cluster)
      case .stored(_, let value, let replaced):
        clusters.insert(value.cluster)
        if let replaced { clusters.insert(replaced.cluster) }
      }
    }
  }
}
