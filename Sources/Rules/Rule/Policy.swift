import KubeDirector

/// The part of the daemon's configuration that rules use. The repository cannot change it.
public struct Policy: Sendable, Hashable {
  public var tenancy: Tenancy
  /// The daemon's own namespace, whose apps are the catalog `system`.
  public var systemNamespace: String
  public var installation: String
  /// Whether a cluster is deleted when its file is deleted.
  public var prune: Bool
  /// Whether clusters run on the embedded cluster, which has no Secrets, no other volumes and no network.
  public var isEmbedded: Bool

  /// The namespace of the system's apps if the configuration does not set one.
  public static let defaultSystemNamespace = "kdops-system"

  public init(
    tenancy: Tenancy = Tenancy(), systemNamespace: String = Policy.defaultSystemNamespace,
    installation: String = "default", prune: Bool = false, isEmbedded: Bool = false
  ) {
    self.tenancy = tenancy
    self.systemNamespace = systemNamespace
    self.installation = installation
    self.prune = prune
    self.isEmbedded = isEmbedded
  }

  /// Whether this installation may change objects of a namespace. `kube-*` and the daemon's own are never allowed.
  public func allows(namespace: String) -> Bool { ClusterTenancy.allows(self, namespace: namespace) }
}
