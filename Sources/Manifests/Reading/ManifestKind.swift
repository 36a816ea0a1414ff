/// The kinds of objects that are read from files.
public enum ManifestKind: String, Sendable, Hashable, CaseIterable {
  case app = "KubeDirectorApp"
  case cluster = "KubeDirectorCluster"

  /// The group and version that both kinds belong to.
  public static let apiVersion = "kubedirector.hpe.com/v1beta1"

  /// The id of the rule for the kind's schema.
  public var schemaRule: String {
    switch self {
    case .app: "app/schema"
    case .cluster: "cluster/schema"
    }
  }
}
