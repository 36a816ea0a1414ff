import ClusterAPI
import FoundationEssentials
import KubeDirector
import Upgrade
import Values

/// The objects that a cluster is connected to at one moment, as `configmeta.json` describes them.
struct Connections: Sendable {
  var configMaps: [Object] = []
  var secrets: [Object] = []
  var clusters: [Neighbour] = []
  /// Missing objects, by kind and name.
  var missing: [String] = []
  var unread: [String] = []

  /// Another cluster in the same namespace.
  struct Neighbour: Sendable {
    var cluster: Cluster
    var status: ClusterStatus
    var app: AppSpec
  }

  /// The name of each kind in the status.
  enum Kind: String, CaseIterable {
    case clusters, configmaps, secrets

    var resource: Resource {
      switch self {
      case .clusters: .clusters
      case .configmaps: .configMaps
      case .secrets: .secrets
      }
    }
  }

  static func name(_ kind: Kind, _ name: String) -> String { "\(kind.rawValue)/\(name)" }

  func observation(_ clusterDomain: String, _ stamp: Stamp) -> ConnectionsObservation {
    var seen = ConnectionsObservation(missing: missing, unread: unread)
    for map in configMaps {
      seen.marks[Self.name(.configmaps, map.name)] = Digest.short(Self.entry(map).text())
    }
    // The mark is not a digest of the content: a reader could verify guesses of a secret against it.
    for secret in secrets {
      seen.marks[Self.name(.secrets, secret.name)] = Digest.short("\(secret.uid) \(secret.resourceVersion)")
    }
    for neighbour in clusters {
      let name = Self.name(.clusters, neighbour.cluster.metadata.name)
      let digest = Digest.short(neighbour.meta(clusterDomain, stamp).text())
      seen.marks[name] = ConnectionState.mark(ofClusterMeta: digest)
      if neighbour.status.state != .configured { seen.unsettled.insert(name) }
    }
    return seen
  }

  /// The `connections` part of `configmeta.json`, in KubeDirector's format: clusters by name, the other kinds in lists
  /// by the value of their label.
  func json(_ clusterDomain: String, _ stamp: Stamp) -> JSON {
    var meta: JSON = [:]
    for neighbour in clusters.sorted(by: { $0.cluster.metadata.name < $1.cluster.metadata.name }) {
      meta[neighbour.cluster.metadata.name] = neighbour.meta(clusterDomain, stamp)
    }
    return [
      "clusters": meta,
      "configmaps": Self.grouped(configMaps, Wire.Label.configMapType, Self.entry),
      "secrets": Self.grouped(secrets, Wire.Label.secretType, Self.secretEntry),
    ]
  }

  private static func grouped(_ objects: [Object], _ label: String, _ entry: (Object) -> JSON) -> JSON {
    var groups: JSON = [:]
    // In the order of the spec within a type.
    let types = Set(objects.compactMap { $0.label(label) }).sorted()
    for type in types {
      let objects = objects.filter { $0.label(label) == type }
      groups[type] = .array(objects.map(entry))
    }
    return groups
  }

  private static func entry(_ map: Object) -> JSON {
    [
      "metadata": ["name": .string(map.name)], "data": map.json["data"] ?? .null, "labels": JSON(map.labels),
      "annotations": map.annotations.isEmpty ? .null : JSON(annotations(map)),
    ]
  }

  /// Encodes all of a secret in Base64, including name and labels.
  private static func secretEntry(_ secret: Object) -> JSON {
    func encoded(_ values: [String: String]) -> JSON {
      JSON(values.mapValues { Data($0.utf8).base64EncodedString() })
    }
    return [
      "metadata": encoded(["name": secret.name]), "data": secret.json["data"] ?? .null,
      "labels": encoded(secret.labels), "annotations": encoded(annotations(secret)),
    ]
  }

  /// The annotations without kubectl's copy of the whole object.
  private static func annotations(_ object: Object) -> [String: String] {
    object.annotations.filter { $0.key != "kubectl.kubernetes.io/last-applied-configuration" }
  }
}

extension Connections.Neighbour {
  fileprivate func meta(_ clusterDomain: String, _ stamp: Stamp) -> JSON {
    ConfigMeta(
      cluster: cluster, status: status, app: app, clusterDomain: clusterDomain, stamp: stamp,
      path: ["connections", "clusters", cluster.metadata.name]
    ).asConnection
  }
}

extension ClusterSpec.Connections {
  /// The connections for which the predicate is true.
  ///
  /// - Parameter holds: called with the kind and name of each connection.
  func only(_ holds: (String) -> Bool) -> Self {
    func kept(_ kind: Connections.Kind, _ names: [String]) -> [String] {
      names.filter { holds(Connections.name(kind, $0)) }
    }
    return Self(
      clusters: kept(.clusters, clusters), configMaps: kept(.configmaps, configMaps),
      secrets: kept(.secrets, secrets))
  }

  func names(_ kind: Connections.Kind) -> [String] {
    switch kind {
    case .clusters: clusters
    case .configmaps: configMaps
    case .secrets: secrets
    }
  }
}
