import Values

/// A `KubeDirectorApp`: a kind of stateful application.
///
/// Decoded leniently from an object that has passed its schema: a member of the wrong type counts as absent.
public struct App: Sendable, Hashable {
  public var metadata: Metadata
  public var spec: AppSpec

  public init(metadata: Metadata, spec: AppSpec) {
    self.metadata = metadata
    self.spec = spec
  }

  /// Nil if the object is not an app or has no name.
  public init?(_ object: JSON) {
    guard object["kind"]?.string == Wire.appKind, let metadata = Metadata(object), let spec = object["spec"]
    else { return nil }
    self.init(metadata: metadata, spec: AppSpec(spec))
  }
}

/// An app's `spec`, with defaults not yet resolved (see `resolved`).
public struct AppSpec: Sendable, Hashable {
  public var label: String
  public var distroID: String
  public var version: String
  /// Nil if absent: upgrades are not allowed, but the value may still be set (see `app/upgradable-sealed`).
  public var upgradable: Bool?
  public var configSchemaVersion: Int
  public var defaultImage: String?
  public var defaultPackage: ConfigPackage?
  public var defaultPersistDirs: [String]
  public var defaultEvents: Set<LifecycleEvent>?
  public var defaultMaxLogSizeDump: Int?
  public var capabilities: [String]
  public var systemdRequired: Bool
  public var services: [AppService]
  public var roles: [AppRole]
  public var selectedRoles: [String]
  public var roleServices: [RoleServices]
  public var configMeta: [String: String]
  /// The original spec, for fields that are carried without being interpreted.
  public var raw: JSON

  public init(_ spec: JSON) {
    label = spec["label"]?["name"]?.string ?? ""
    distroID = spec["distroID"]?.string ?? ""
    version = spec["version"]?.string ?? ""
    upgradable = spec["upgradable"]?.bool
    configSchemaVersion = spec["configSchemaVersion"]?.count() ?? 7
    defaultImage = spec["defaultImageRepoTag"]?.string
    defaultPackage = spec["defaultConfigPackage"].flatMap(ConfigPackage.init)
    defaultPersistDirs = spec["defaultPersistDirs"]?.array?.compactMap(\.string) ?? []
    defaultEvents = spec["defaultEventList"].flatMap(Self.events)
    defaultMaxLogSizeDump = spec["defaultMaxLogSizeDump"]?.count()
    capabilities = spec["capabilities"]?.array?.compactMap(\.string) ?? []
    systemdRequired = spec["systemdRequired"]?.bool ?? false
    services = spec["services"]?.array?.map(AppService.init) ?? []
    roles = spec["roles"]?.array?.map(AppRole.init) ?? []
    let config = spec["config"]
    selectedRoles = config?["selectedRoles"]?.array?.compactMap(\.string) ?? []
    roleServices = config?["roleServices"]?.array?.map(RoleServices.init) ?? []
    configMeta = config?["configMeta"]?.strings ?? [:]
    raw = spec
  }

  static func events(_ list: JSON) -> Set<LifecycleEvent>? {
    list.array.map { Set($0.compactMap { $0.string.flatMap(LifecycleEvent.init) }) }
  }

  public func role(_ id: String) -> AppRole? { roles.first { $0.id == id } }
  public func service(_ id: String) -> AppService? { services.first { $0.id == id } }
  /// The ids of a role's services, in the order listed.
  public func serviceIDs(of role: String) -> [String] {
    roleServices.filter { $0.roleID == role }.flatMap(\.serviceIDs)
  }
}

/// The source of a role's `startscript`.
public struct ConfigPackage: Sendable, Hashable {
  public var url: String
  /// If `true`, `configmeta.json` is in a folder with mode 0700, and `/usr` and `/opt` are not persisted whole.
  public var useNewSetupLayout: Bool

  public init(url: String, useNewSetupLayout: Bool) {
    self.url = url
    self.useNewSetupLayout = useNewSetupLayout
  }

  /// Nil for `null` and for a value without a URL.
  public init?(_ package: JSON) {
    guard let url = package["packageURL"]?.string, !url.isEmpty else { return nil }
    self.init(url: url, useNewSetupLayout: package["useNewSetupLayout"]?.bool ?? false)
  }
}

/// A role as the app's file defines it.
public struct AppRole: Sendable, Hashable {
  public var id: String
  public var cardinality: String
  public var image: String?
  public var package: PackageChoice
  public var persistDirs: [String]?
  public var events: Set<LifecycleEvent>?
  public var maxLogSizeDump: Int?
  public var minResources: [String: String]
  public var minStorage: String?
  public var ephemeralModeSupported: Bool
  public var stdin: Bool
  public var tty: Bool

  /// If absent, the role inherits the app's default; an explicit `null` means no package.
  public enum PackageChoice: Sendable, Hashable {
    case inherited
    case none
    case own(ConfigPackage)
  }

  public init(_ role: JSON) {
    id = role["id"]?.string ?? ""
    cardinality = role["cardinality"]?.string ?? ""
    image = role["imageRepoTag"]?.string
    switch role["configPackage"] {
    case nil: package = .inherited
    case .some(let value): package = ConfigPackage(value).map(PackageChoice.own) ?? .none
    }
    persistDirs = role["persistDirs"]?.array?.compactMap(\.string)
    events = role["eventList"].flatMap(AppSpec.events)
    maxLogSizeDump = role["maxLogSizeDump"]?.count()
    minResources = role["minResources"]?.strings ?? [:]
    minStorage = role["minStorage"]?["size"]?.string
    ephemeralModeSupported = role["minStorage"]?["ephemeralModeSupported"]?.bool ?? true
    stdin = role["containerSpec"]?["stdin"]?.bool ?? false
    tty = role["containerSpec"]?["tty"]?.bool ?? false
  }
}

/// A service that members of a role offer.
public struct AppService: Sendable, Hashable {
  public var id: String
  public var label: String
  public var port: Int
  public var urlScheme: String?
  public var path: String?
  public var isDashboard: Bool
  public var hasAuthToken: Bool
  public var exported: String?

  public init(_ service: JSON) {
    id = service["id"]?.string ?? ""
    label = service["label"]?["name"]?.string ?? ""
    let endpoint = service["endpoint"]
    port = endpoint?["port"]?.count() ?? 0
    urlScheme = endpoint?["urlScheme"]?.string
    path = endpoint?["path"]?.string
    isDashboard = endpoint?["isDashboard"]?.bool ?? false
    hasAuthToken = endpoint?["hasAuthToken"]?.bool ?? false
    exported = service["exported_service"]?.string
  }

  /// The name of its port in the services of members: `<scheme>-<id>`, or `generic-<id>` without a scheme.
  public var portName: String {
    let scheme = DerivedNames.label(urlScheme ?? "").drop { $0 == "-" }
    let available = DerivedNames.labelLimit - id.utf8.count - 1
    return "\(scheme.isEmpty ? "generic" : scheme.prefix(max(0, available)))-\(id)"
  }

  /// Its address on a host: `<scheme>://<host>:<port>`. Without a scheme it begins with `://`, as KubeDirector writes
  /// it; the path is not part of it.
  public func endpoint(on host: String) -> String { "\(urlScheme ?? "")://\(host):\(port)" }
}

public struct RoleServices: Sendable, Hashable {
  public var roleID: String
  public var serviceIDs: [String]

  public init(_ entry: JSON) {
    roleID = entry["roleID"]?.string ?? ""
    serviceIDs = entry["serviceIDs"]?.array?.compactMap(\.string) ?? []
  }
}
