import Diagnostics
import KubeDirector

/// The valid small repository that examples change: two versions of an app, and a cluster that runs the first.
public enum Fixture {
  public static let currentPath = "apps/spark-1.0.0.json"
  public static let candidatePath = "apps/spark-1.1.0.json"
  public static let clusterPath = "clusters/analytics.yaml"
  public static let reference = ObjectReference.cluster("prod", "analytics")

  public static let current = app(version: "1.0.0")
  public static let candidate = app(version: "1.1.0")

  /// A third version of the app, which examples add.
  public static let third = app(version: "1.2.0")

  public static let cluster = """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata:
      name: analytics
      namespace: prod
    spec:
      app: spark-1.0.0
      roles:
        - id: controller
          members: 1
          resources:
            limits: {cpu: "1", memory: 2Gi}
        - id: worker
          members: 3
          resources:
            limits: {cpu: "2", memory: 4Gi}
          storage: {size: 10Gi}

    """

  /// The contents of the files, by path.
  public static var files: [String: String] {
    [currentPath: current, candidatePath: candidate, clusterPath: cluster]
  }

  private static func app(version: String) -> String {
    """
    {
      "apiVersion": "kubedirector.hpe.com/v1beta1",
      "kind": "KubeDirectorApp",
      "metadata": {"name": "spark-\(version)", "namespace": "prod"},
      "spec": {
        "label": {"name": "Spark"},
        "distroID": "example/spark",
        "version": "\(version)", "upgradable": true,
        "defaultImageRepoTag": "registry.example/spark:\(version)",
        "defaultConfigPackage": {"packageURL": "file:///opt/spark-\(version).tgz", "useNewSetupLayout": true},
        "services": [
          {"id": "ui", "endpoint": {"port": 8080, "urlScheme": "http", "isDashboard": true}},
          {"id": "master", "endpoint": {"port": 7077}}
        ],
        "roles": [
          {"id": "controller", "cardinality": "1"},
          {"id": "worker", "cardinality": "1+",
           "minResources": {"memory": "1Gi"}, "minStorage": {"size": "10Gi"}},
          {"id": "gateway", "cardinality": "0+",
           "imageRepoTag": "registry.example/gateway:2.4", "configPackage": null}
        ],
        "config": {
          "selectedRoles": ["controller", "worker", "gateway"],
          "roleServices": [{"roleID": "controller", "serviceIDs": ["ui", "master"]}]
        }
      }
    }

    """
  }
}

extension Example.Live {
  /// The cluster's status in this live state; nil if no status is known.
  public var status: ClusterStatus? {
    switch self {
    case .unknown: nil
    case .creating: Self.status(.creating, app: "spark-1.0.0")
    case .configured: Self.status(.configured, app: "spark-1.0.0")
    case .stuck: Self.stalled(Self.status(.updating, app: "spark-1.0.0"))
    case .upgrading, .stalled:
      Self.moving(to: "spark-1.1.0", from: "spark-1.0.0", isStalled: self == .stalled)
    case .late, .stalledLate: Self.late(isStalled: self == .stalledLate)
    case .rollingBack: Self.moving(to: "spark-1.0.0", from: "spark-1.1.0", isRollingBack: true)
    }
  }

  private static func moving(
    to app: String, from old: String, isRollingBack: Bool = false, isStalled: Bool = false
  ) -> ClusterStatus {
    var status = status(.updating, app: app)
    status.upgradeInfo = UpgradeInfo(isRollingBack: isRollingBack, prevApp: old, id: "4f2c9ab")
    for role in status.roles.indices {
      status.roles[role].upgradeStatus = isRollingBack ? .rollingBack : .upgrading
    }
    status.roles[1].members[2].upgrade = .init(id: "4f2c9ab", revision: "2", done: !isStalled)
    return isStalled ? stalled(status) : status
  }

  private static func late(isStalled: Bool) -> ClusterStatus {
    var status = moving(to: "spark-1.1.0", from: "spark-1.0.0", isStalled: isStalled)
    status.roles[1].members[2].podUpgradeStatus = .configured
    return status
  }

  private static func stalled(_ status: ClusterStatus) -> ClusterStatus {
    var status = status
    status.conditions = [
      Condition(type: .stalled, status: true, reason: "ErrImagePull", message: "", lastTransition: 0)
    ]
    return status
  }

  private static func status(_ state: ClusterStatus.State, app: String) -> ClusterStatus {
    func role(_ id: String, _ members: Int) -> RoleStatus {
      RoleStatus(
        id: id, statefulSet: "analytics-\(id)",
        members: (0..<members).map {
          MemberStatus(pod: "analytics-\(id)-\($0)", nodeID: $0, state: .configured, app: app)
        })
    }
    return ClusterStatus(
      state: state, app: app, appCatalog: .local, specCommit: "4f2c9ab0d1e2",
      roles: [role("controller", 1), role("worker", 3)])
  }
}
