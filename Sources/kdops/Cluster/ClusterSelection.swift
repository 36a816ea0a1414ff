import ClusterAPI

/// The clusters that a command shows.
enum ClusterSelection: Hashable {
  case all
  case namespace(String)
  case cluster(ObjectName)

  /// Nil for all namespaces.
  var namespace: String? {
    switch self {
    case .all: nil
    case .namespace(let namespace): namespace
    case .cluster(let name): name.namespace
    }
  }

  /// The cluster, if only one is selected.
  var cluster: ObjectName? { if case .cluster(let name) = self { name } else { nil } }

  func contains(namespace: String) -> Bool { self.namespace.map { $0 == namespace } ?? true }
}

extension NamespaceOptions {
  /// - Parameter name: the cluster that an argument names; nil for all.
  /// - Throws: `ValidationError` if the argument is not a cluster.
  func selection(_ name: String?) throws -> ClusterSelection {
    if let name { return .cluster(try cluster(name)) }
    return namespace.map { .namespace($0) } ?? .all
  }
}
