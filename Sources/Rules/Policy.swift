import KubeDirector

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
