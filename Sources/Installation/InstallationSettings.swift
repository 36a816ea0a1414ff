/// What an administrator decides before kdops is installed on a cluster.
public struct InstallationSettings: Sendable, Hashable {
  /// Where the daemon lives, with its lease and its service account.
  public var namespace: String
  /// Tells several installations apart; part of the names of objects that belong to the whole cluster.
  public var installation: String
  /// `["*"]` for all that tenants may have.
  public var tenantNamespaces: [String]
  /// Where the repository is; nil where only what the daemon needs is installed, and not the daemon itself.
  public var repo: String?
  public var branch: String
  public var image: String

  public init(
    namespace: String = "kdops-system", installation: String = "default", tenantNamespaces: [String] = ["*"],
    repo: String? = nil, branch: String = "main", image: String = "localhost/kdops:dev"
  ) {
    self.namespace = namespace
    self.installation = installation
    self.tenantNamespaces = tenantNamespaces
    self.repo = repo
    self.branch = branch
    self.image = image
  }
}
