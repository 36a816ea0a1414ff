/// The files of a small fleet: two versions of an app, and a cluster with the first one.
public enum SmallFleet {
  public static let cluster = "clusters/prod/analytics.yaml"

  public static let start: [String: String?] = [
    "apps/spark-1.0.0.json": app("1.0.0"), "apps/spark-1.1.0.json": app("1.1.0"),
    cluster: analytics("1.0.0"),
  ]

  public static func app(_ version: String) -> String {
    """
    {
      "apiVersion": "kubedirector.hpe.com/v1beta1",
      "kind": "KubeDirectorApp",
      "metadata": {"name": "spark-\(version)", "namespace": "prod"},
      "spec": {
        "label": {"name": "Spark"}, "distroID": "example/spark", "version": "\(version)",
        "upgradable": true, "configSchemaVersion": 7,
        "defaultImageRepoTag": "registry.example/spark:\(version)",
        "roles": [{"id": "worker", "cardinality": "1+"}],
        "config": {"selectedRoles": ["worker"], "roleServices": []}
      }
    }
    """
  }

  public static func analytics(_ version: String, members: Int = 3, name: String = "analytics") -> String {
    """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata:
      name: \(name)
      namespace: prod
    spec:
      app: spark-\(version)
      roles:
        - id: worker
          members: \(members)
          resources:
            limits: {cpu: "1", memory: 1Gi}

    """
  }

  /// An upgrade that every rule accepts, and one that also increases the cluster's size.
  public static let upgraded = [cluster: analytics("1.1.0")]
  public static let overreaching = [cluster: analytics("1.1.0", members: 4)]
}
