import ClusterAPI
import KubeDirector
import LiveState
import Values

/// Indexes clusters by the objects that they are connected to, and stores the ConfigMaps and Secrets that are
/// available for connections.
struct ConnectionIndex {
  private struct Key: Hashable {
    var resource: Resource
    var name: ObjectName
  }

  private var dependents: [Key: Set<ObjectName>] = [:]
  private var watched = WatchedObjects<Object>()

  /// The clusters that must be reconciled when the object changes.
  func dependents(on resource: Resource, _ name: ObjectName) -> Set<ObjectName> {
    dependents[Key(resource: resource, name: name)] ?? []
  }

  private func dependents(on resource: Resource) -> Set<ObjectName> {
    dependents.filter { $0.key.resource == resource }.values.reduce(into: []) { $0.formUnion($1) }
  }

  /// Updates the index for a cluster that was changed or deleted.
  ///
  /// - Returns: the kinds that the cluster is connected to.
  mutating func index(_ new: Object?, over old: Object?) -> Set<Resource> {
    if let old {
      for key in Self.keys(old) {
        dependents[key]?.remove(old.objectName)
        if dependents[key]?.isEmpty == true { dependents[key] = nil }
      }
    }
    guard let new else { return [] }
    let keys = Self.keys(new)
    for key in keys { dependents[key, default: []].insert(new.objectName) }
    return Set(keys.map(\.resource))
  }

  private static func keys(_ cluster: Object) -> [Key] {
    guard let connections = cluster.json["spec"]?["connections"], connections.object?.isEmpty == false else {
      return []
    }
    return Connections.Kind.allCases.flatMap { kind in
      (connections[kind.rawValue]?.array ?? []).compactMap(\.string).map {
        Key(resource: kind.resource, name: ObjectName(namespace: cluster.namespace, name: $0))
      }
    }
  }

  /// Whether the ConfigMaps or the Secrets have been listed.
  func isListed(_ resource: Resource) -> Bool { watched.isListed(WatchScope(resource)) }

  subscript(resource: Resource, name: ObjectName) -> Object? { watched[resource, name] }

  /// Applies a watched change of ConfigMaps or Secrets.
  ///
  /// - Returns: the clusters to reconcile: after a list all that are connected to an object of the kind, because the
  ///   objects that they miss are known only now.
  mutating func take(_ change: FollowedChange, of resource: Resource) -> Set<ObjectName> {
    let changes = watched.take(change, of: WatchScope(resource))
    if case .all = change { return dependents(on: resource) }
    return changes.reduce(into: []) { found, change in
      let reference = change.reference
      found.formUnion(
        dependents(on: resource, ObjectName(namespace: reference.namespace, name: reference.name)))
    }
  }
}
