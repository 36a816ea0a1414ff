/// What the daemon's configuration decides. A writer of the repository has no say in it.
public struct Policy: Sendable, Hashable {
  public var tenancy: Tenancy
  /// The daemon's own namespace, whose apps are the catalog `system`.
  public var systemNamespace: String
  public var installation: String
  /// Whether a cluster whose file is gone is deleted.
  public var prune: Bool

  /// Where the system's apps are, unless the configuration says otherwise.
  public static let defaultSystemNamespace = "kdops-system"

  public init(
    tenancy: Tenancy = Tenancy(), systemNamespace: String = Policy.defaultSystemNamespace,
    installation: String = "default", prune: Bool = false
  ) {
    self.tenancy = tenancy
    self.systemNamespace = systemNamespace
    self.installation = installation
    self.prune = prune
  }

  /// Whether this installation may touch objects of a namespace. Never `kube-*` and never the daemon's own.
  public func allows(namespace: String) -> Bool { ClusterTenancy.allows(self, namespace: namespace) }
}

/// What clusters may ask for. `*` in a list allows everything, save namespaces that are never allowed.
public struct Tenancy: Sendable, Hashable {
  public var namespaces: [String]
  /// Those that a role may name; none unless listed.
  public var serviceAccounts: [String]
  /// Those that an app may ask for; none unless listed.
  public var capabilities: [String]
  /// What names of secrets begin with; empty allows all.
  public var secretPrefix: String

  public init(
    namespaces: [String] = ["*"], serviceAccounts: [String] = [], capabilities: [String] = [],
    secretPrefix: String = ""
  ) {
    self.namespaces = namespaces
    self.serviceAccounts = serviceAccounts
    self.capabilities = capabilities
    self.secretPrefix = secretPrefix
  }
}
