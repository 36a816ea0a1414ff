import Values

/// The custom resources of `kubedirector.hpe.com`, as Kubernetes is told of them.
///
/// One text serves the check of files, the embedded server and a real server, so that none of them takes what
/// another refuses. Unknown members of a `spec` are kept. The text is `Schemas/`; it is compiled in.
public enum CustomResources {
  /// The `CustomResourceDefinition` of `KubeDirectorApp`.
  public static let app = parsed(PackageResources.kubedirectorapp_json)
  /// The `CustomResourceDefinition` of `KubeDirectorCluster`.
  public static let cluster = parsed(PackageResources.kubedirectorcluster_json)

  /// The `openAPIV3Schema` that an app is checked against: the whole object, not its `spec` alone.
  public static let appSchema = schema(of: app)
  /// The `openAPIV3Schema` that a cluster is checked against.
  public static let clusterSchema = schema(of: cluster)

  /// Every definition, in the order in which they are to be created.
  public static var all: [JSON] { [app, cluster] }

  /// A definition that cannot be read allows nothing; a test holds both to be readable.
  private static func parsed(_ bytes: [UInt8]) -> JSON { (try? JSON.parse(bytes)) ?? .null }

  private static func schema(of definition: JSON) -> JSON {
    definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"] ?? ["type": "object"]
  }
}
