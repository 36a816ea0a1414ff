import Values

/// A `KubeDirectorCluster`: one running instance of an app.
public struct Cluster: Sendable, Hashable {
  public var metadata: Metadata
  public var spec: ClusterSpec

  public init(metadata: Metadata, spec: ClusterSpec) {
    self.metadata = metadata
    self.spec = spec
  }

  /// Nil if the object is not a cluster or has no name.
  public init?(_ object: JSON) {
    guard object["kind"]?.string == Wire.clusterKind, let metadata = Metadata(object),
      let spec = object["spec"]
    else { return nil }
    self.init(metadata: metadata, spec: ClusterSpec(spec))
  }
}

public struct ClusterSpec: Sendable, Hashable {
  /// The maximum number of members of a cluster in all roles. A status names each member, and a Kubernetes object is
  /// limited to about 1.5 MB.
  public static let memberLimit = 1000

  public var app: String
  public var appCatalog: AppCatalog?
  public var serviceType: String?
  public var namingScheme: String?
  public var connections: Connections
  public var roles: [ClusterRole]
  /// The original spec; unknown members are carried to the cluster.
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
    if let common = spec["defaultSecret"].flatMap(SecretMount.init) {
      for index in roles.indices where roles[index].secret == nil { roles[index].secret = common }
    }
    raw = spec
  }

  public func role(_ id: String) -> ClusterRole? { roles.first { $0.id == id } }

  /// The number of members that the spec requests in all roles.
  ///
  /// - Parameter app: Gives the minimum for a role that sets no number; with nil such a role counts as 0.
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

/// The catalog in which an app's name is looked up.
public enum AppCatalog: String, Sendable, Hashable {
  /// The cluster's own namespace.
  case local
  /// The daemon's system namespace.
  case system
}

public struct ClusterRole: Sendable, Hashable {
  public var id: String
  /// Nil means the app's minimum.
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
  /// The size of `/dev/shm`, a quantity. Nil means the default of the container runtime.
  public var sharedMemory: String?
  /// The Secret that is mounted in members: the role's own, else the cluster's `defaultSecret`.
  public var secret: SecretMount?
  public var volumeProjections: [VolumeProjection]
  public var fileInjections: [FileInjection]
  /// The original role.
  public var raw: JSON

  public struct EnvironmentVariable: Sendable, Hashable {
    public var name: String
    /// Nil if the value comes from elsewhere (`valueFrom`), which is in `raw`.
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
    sharedMemory = role["sharedMemory"]?.string
    secret = role["secret"].flatMap(SecretMount.init)
    volumeProjections = role["volumeProjections"]?.array?.compactMap(VolumeProjection.init) ?? []
    fileInjections = role["fileInjections"]?.array?.compactMap(FileInjection.init) ?? []
    raw = role
  }

  /// Quantities are strings or plain numbers (`cpu: 2`).
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
