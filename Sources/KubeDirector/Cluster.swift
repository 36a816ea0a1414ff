import Values

/// A `KubeDirectorCluster`: one running instance of an app.
public struct Cluster: Sendable, Hashable {
  public var metadata: Metadata
  public var spec: ClusterSpec

  public init(metadata: Metadata, spec: ClusterSpec) {
    self.metadata = metadata
    self.spec = spec
  }

  /// Nil where the object is no cluster or has no name.
  public init?(_ object: JSON) {
    guard object["kind"]?.string == Wire.clusterKind, let metadata = Metadata(object),
      let spec = object["spec"]
    else { return nil }
    self.init(metadata: metadata, spec: ClusterSpec(spec))
  }
}

public struct ClusterSpec: Sendable, Hashable {
  /// How many members a cluster may have in all its roles: a status names each, and an object of Kubernetes ends at
  /// about 1.5 MB.
  public static let memberLimit = 1000

  public var app: String
  public var appCatalog: AppCatalog?
  public var serviceType: String?
  public var namingScheme: String?
  public var connections: Connections
  public var roles: [ClusterRole]
  /// The whole spec as it came; unknown members are carried to the cluster.
  public var raw: JSON

  public init(_ spec: JSON) {
    app = spec["app"]?.string ?? ""
    appCatalog = spec["appCatalog"]?.string.flatMap(AppCatalog.init)
    serviceType = spec["serviceType"]?.string
    namingScheme = spec["namingScheme"]?.string
    let connections = spec["connections"]
    self.connections = Connections(
      clusters: connections?["clusters"]?.array?.compactMap(\.string) ?? [],
      configMaps: connections?["configmaps"]?.array?.compactMap(\.string) ?? [],
      secrets: connections?["secrets"]?.array?.compactMap(\.string) ?? [])
    roles = spec["roles"]?.array?.map(ClusterRole.init) ?? []
    raw = spec
  }

  public func role(_ id: String) -> ClusterRole? { roles.first { $0.id == id } }

  /// How many members it asks for in all roles.
  ///
  /// - Parameter app: says how many a role has at least that leaves them out; nil counts none for it.
  public func memberCount(of app: AppSpec?) -> Int {
    roles.reduce(0) { sum, role in
      sum + (role.members ?? app?.role(role.id).flatMap { Cardinality($0.cardinality)?.minimum } ?? 0)
    }
  }

  public struct Connections: Sendable, Hashable {
    public var clusters: [String]
    public var configMaps: [String]
    public var secrets: [String]

    public init(clusters: [String] = [], configMaps: [String] = [], secrets: [String] = []) {
      self.clusters = clusters
      self.configMaps = configMaps
      self.secrets = secrets
    }
  }
}

/// Where an app's name is looked up.
public enum AppCatalog: String, Sendable, Hashable {
  /// The cluster's own namespace.
  case local
  /// The daemon's system namespace.
  case system
}

public struct ClusterRole: Sendable, Hashable {
  public var id: String
  /// Absent means the app's minimum.
  public var members: Int?
  public var requests: [String: String]
  public var limits: [String: String]
  public var storageSize: String?
  public var storageClass: String?
  public var env: [EnvironmentVariable]
  public var podLabels: [String: String]
  public var podAnnotations: [String: String]
  public var serviceLabels: [String: String]
  public var serviceAnnotations: [String: String]
  public var serviceAccountName: String?
  public var affinity: JSON?
  /// The whole role as it came.
  public var raw: JSON

  public struct EnvironmentVariable: Sendable, Hashable {
    public var name: String
    /// Nil where the value comes from elsewhere (`valueFrom`); `raw` has it.
    public var value: String?
    public var raw: JSON
  }

  public init(_ role: JSON) {
    id = role["id"]?.string ?? ""
    members = role["members"]?.count()
    requests = Self.quantities(role["resources"]?["requests"])
    limits = Self.quantities(role["resources"]?["limits"])
    storageSize = role["storage"]?["size"]?.string
    storageClass = role["storage"]?["storageClassName"]?.string
    env =
      role["env"]?.array?.map {
        EnvironmentVariable(name: $0["name"]?.string ?? "", value: $0["value"]?.string, raw: $0)
      } ?? []
    podLabels = role["podLabels"]?.strings ?? [:]
    podAnnotations = role["podAnnotations"]?.strings ?? [:]
    serviceLabels = role["serviceLabels"]?.strings ?? [:]
    serviceAnnotations = role["serviceAnnotations"]?.strings ?? [:]
    serviceAccountName = role["serviceAccountName"]?.string
    affinity = role["affinity"]
    raw = role
  }

  /// Quantities are strings or bare numbers (`cpu: 2`).
  private static func quantities(_ value: JSON?) -> [String: String] {
    var found: [String: String] = [:]
    for (key, value) in value?.object ?? [:] {
      switch value {
      case .string(let text): found[key] = text
      case .integer(let number): found[key] = "\(number)"
      case .number(let number): found[key] = "\(number)"
      default: break
      }
    }
    return found
  }
}
