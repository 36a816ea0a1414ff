/// The files of a small repository: the app `web` in several versions, and clusters that run it.
enum Files {
  static func app(
    _ version: String, image: String? = nil, upgradable: Bool? = true, cardinality: String = "1+"
  ) -> String {
    """
    {"apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp", "metadata": {"name": "web-\(version)"},
     "spec": {"label": {"name": "Web"}, "distroID": "example/web", "version": "\(version)",
      \(upgradable.map { "\"upgradable\": \($0)," } ?? "")
      "configSchemaVersion": 7,
      "roles": [{"id": "worker", "cardinality": "\(cardinality)", "imageRepoTag": "web:\(image ?? version)"}],
      "config": {"selectedRoles": ["worker"], "roleServices": [], "configMeta": {}}}}
    """
  }

  /// - Parameters:
  ///   - neighbours: the clusters that it is connected to.
  ///   - metadata: additional metadata, such as `labels: {team: a}`.
  static func cluster(
    _ name: String, _ version: String, members: Int = 1, neighbours: [String] = [], _ metadata: String = ""
  ) -> String {
    """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata: {name: \(name)\(metadata.isEmpty ? "" : ", \(metadata)")}
    spec:
      app: web-\(version)
      roles: [{id: worker, members: \(members), resources: {limits: {cpu: 100m, memory: 64Mi}}}]
    \(neighbours.isEmpty ? "" : "  connections: {clusters: [\(neighbours.joined(separator: ", "))]}")

    """
  }

  /// The app in its first version, and clusters that run it.
  static func shops(_ names: String...) -> [String: String?] {
    var files: [String: String?] = ["apps/1.0.0.json": app("1.0.0")]
    for name in names { files["clusters/\(name).yaml"] = cluster(name, "1.0.0") }
    return files
  }

  /// The file of the cluster `shop` with this number of members.
  static func shop(members: Int) -> [String: String?] {
    ["clusters/shop.yaml": cluster("shop", "1.0.0", members: members)]
  }

  /// The commit that upgrades the cluster `shop` to the app's next version, with that version.
  static let upgradeOfShop: [String: String?] = [
    "apps/1.1.0.json": app("1.1.0"), "clusters/shop.yaml": cluster("shop", "1.1.0"),
  ]
}
