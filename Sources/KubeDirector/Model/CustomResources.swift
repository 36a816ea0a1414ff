import Values

/// The custom resource definitions of `kubedirector.hpe.com`.
///
/// The file check, the embedded server and a real server use the same definitions, so that none accepts what another
/// rejects. Unknown members of a `spec` are kept. The source is `Schemas/`; it is compiled in.
public enum CustomResources {
  /// The `CustomResourceDefinition` of `KubeDirectorApp`.
  public static let app = parsed(PackageResources.kubedirectorapp_json)
  /// The `CustomResourceDefinition` of `KubeDirectorCluster`.
  public static let cluster = parsed(PackageResources.kubedirectorcluster_json)

  /// The `openAPIV3Schema` of an app: for the whole object, not only its `spec`.
  public static let appSchema = schema(of: app)
  /// The `openAPIV3Schema` of a cluster.
  public static let clusterSchema = schema(of: cluster)

  /// All definitions, in the order in which they must be created.
  public static var all: [JSON] { [app, cluster] }

  /// A definition that cannot be parsed has no effect; a test checks that both can be parsed.
  private static func parsed(_ bytes: [UInt8]) -> JSON { (try? JSON.parse(bytes)) ?? .null }

  private static func schema(of definition: JSON) -> JSON {
    definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"] ?? ["type": "object"]
  }
}
