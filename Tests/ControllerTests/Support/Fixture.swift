import ClusterAPI
import KubeDirector
import TestSupport
import Upgrade
import Values

@testable import Controller

/// An app with three roles, and a cluster of it with storage in one role.
enum Fixture {
  static func app(version: String = "1.0.0") -> AppSpec {
    AppSpec([
      "label": ["name": "Spark"], "distroID": "example/spark", "version": .string(version),
      "configSchemaVersion": 7, "defaultImageRepoTag": .string("registry.example/spark:\(version)"),
      "defaultConfigPackage": [
        "packageURL": "file:///opt/configscripts/appconfig.tgz", "useNewSetupLayout": true,
      ],
      "services": [
        [
          "id": "web", "label": ["name": "Web"],
          "endpoint": ["port": 8080, "urlScheme": "http", "path": "/", "isDashboard": true],
        ]
      ],
      "roles": [
        ["id": "controller", "cardinality": "1"],
        ["id": "worker", "cardinality": "1+", "persistDirs": ["/data", "/etc/spark"]],
        [
          "id": "gateway", "cardinality": "1", "imageRepoTag": "registry.example/gateway:1",
          "configPackage": nil,
        ],
      ],
      "config": [
        "selectedRoles": ["controller", "worker", "gateway"],
        "roleServices": [["roleID": "controller", "serviceIDs": ["web"]]], "configMeta": ["tier": "gold"],
      ],
    ])
  }

  static func cluster() -> Cluster {
    let limits: JSON = ["limits": ["cpu": "2", "memory": "4Gi"]]
    let spec: JSON = [
      "app": "spark-1.0.0",
      "roles": [
        ["id": "controller", "members": 1, "resources": limits],
        ["id": "worker", "members": 2, "resources": limits, "storage": ["size": "10Gi"]],
        ["id": "gateway", "members": 1, "resources": limits],
      ],
    ]
    return Cluster(
      metadata: Metadata(name: "analytics", namespace: "prod", uid: "c-1"), spec: ClusterSpec(spec))
  }

  static func status(catalog: AppCatalog? = .local) -> ClusterStatus {
    func member(_ pod: String, _ node: Int) -> MemberStatus {
      MemberStatus(pod: pod, nodeID: node, state: .configured, app: "spark-1.0.0")
    }
    return ClusterStatus(
      state: .configured, app: "spark-1.0.0", appCatalog: catalog,
      roles: [
        RoleStatus(
          id: "controller", statefulSet: "analytics-controller",
          members: [member("analytics-controller-0", 1)]),
        RoleStatus(
          id: "worker", statefulSet: "analytics-worker",
          members: [member("analytics-worker-0", 2), member("analytics-worker-1", 3)]),
        RoleStatus(
          id: "gateway", statefulSet: "analytics-gateway", members: [member("analytics-gateway-0", 4)]),
      ])
  }

  static let owner = OwnerReference(
    apiVersion: Wire.apiVersion, kind: Wire.clusterKind, name: "analytics", uid: "c-1")

  static func builder(_ status: ClusterStatus = status(), _ cluster: Cluster = cluster()) -> ObjectBuilder {
    ObjectBuilder(
      cluster: cluster, owner: owner, status: status, clusterDomain: "cluster.local", stamp: .forTests)
  }

  static func set(_ role: String, version: String = "1.0.0", status: ClusterStatus = status()) throws
    -> Object
  {
    let app = app(version: version)
    let cluster = cluster()
    guard let spec = cluster.spec.role(role), let resolved = app.resolved(role) else { throw Missing() }
    return builder(status).statefulSet(
      name: "analytics-\(role)", role: spec, app: "spark-\(version)", resolved: resolved, spec: app,
      goal: SetGoal(app: "spark-\(version)", replicas: spec.members ?? 0, strategy: .atRest))
  }

  /// The pod spec in the template of a role's set.
  ///
  /// - Parameters:
  ///   - fields: Fields that are added to the role in the cluster's spec.
  ///   - clusterFields: Fields that are added to the cluster's spec.
  ///   - appFields: Fields that are added to the app's spec.
  static func pod(
    of role: String, _ fields: JSON = [:], clusterFields: JSON = [:], appFields: JSON = [:]
  ) throws -> JSON {
    var cluster = cluster()
    var spec = cluster.spec.raw.merging(patch: clusterFields)
    let roles = (spec["roles"]?.array ?? []).map { $0["id"]?.string == role ? $0.merging(patch: fields) : $0 }
    spec["roles"] = .array(roles)
    cluster.spec = ClusterSpec(spec)
    let app = AppSpec(app().raw.merging(patch: appFields))
    guard let spec = cluster.spec.role(role), let resolved = app.resolved(role) else { throw Missing() }
    let set = builder(status(), cluster).statefulSet(
      name: "analytics-\(role)", role: spec, app: "spark-1.0.0", resolved: resolved, spec: app,
      goal: SetGoal(app: "spark-1.0.0", replicas: 1, strategy: .atRest))
    guard let pod = set.json["spec"]?["template"]?["spec"] else { throw Missing() }
    return pod
  }

  struct Missing: Error {}
}
