import ClusterAPI
import KubeDirector
import Values

/// The objects of cluster `shop` as KubeDirector's operator leaves them: generated names, its labels in selectors, a
/// seeded volume in role `worker`, and a service for the member of role `front`.
struct OperatorObjects: Sendable {
  static let headless = "kdhs-2b7qd"
  static let roles = [("worker", 2), ("front", 1), ("gateway", 1)]

  private let fixture: Fixture

  init(_ fixture: Fixture) { self.fixture = fixture }

  func cluster() -> Object {
    let resources: JSON = [
      "limits": ["cpu": "500m", "memory": "64Mi"], "requests": ["cpu": "2m", "memory": "8Mi"],
    ]
    var cluster = Object(
      .clusters, namespace: fixture.namespace, name: "shop",
      content: [
        "spec": [
          "app": "web-1.0.0", "namingScheme": "CrNameRole",
          "roles": [
            [
              "id": "worker", "members": JSON(fixture.workers), "resources": resources,
              "storage": ["size": "1Gi"],
            ],
            ["id": "front", "members": 1, "resources": resources],
            ["id": "gateway", "members": 1, "resources": resources],
          ],
        ]
      ])
    cluster.json["metadata"]?["finalizers"] = ["kubedirector.hpe.com/cleanup"]
    return cluster
  }

  private func labels(_ role: String?) -> [String: String] {
    var labels = [
      Wire.Label.cluster: "shop", Wire.Label.app: "web-1.0.0", Wire.Label.appCatalog: "local",
    ]
    labels[Wire.Label.role] = role
    return labels
  }

  /// The labels of a StatefulSet and its pods, which are also its selector.
  private func podLabels(_ role: String) -> [String: String] {
    labels(role).merging([Wire.Label.headless: "shop"]) { _, new in new }
  }

  func services(of cluster: Object) -> [Object] {
    [
      Object(
        .services, namespace: fixture.namespace, name: Self.headless, labels: labels(nil),
        owners: [OwnerReference(cluster)],
        content: [
          "spec": [
            "clusterIP": "None", "publishNotReadyAddresses": true,
            "selector": JSON([Wire.Label.headless: "shop"]),
            "ports": [["name": "port", "port": 8888]],
          ]
        ]),
      Object(
        .services, namespace: fixture.namespace, name: "s-kdss-front-0", labels: labels("front"),
        owners: [OwnerReference(cluster)],
        content: [
          "spec": [
            "type": "ClusterIP", "publishNotReadyAddresses": true,
            "selector": JSON(["statefulset.kubernetes.io/pod-name": "kdss-front-0"]),
            "ports": [["name": "http-http", "port": 80, "protocol": "TCP"]],
          ]
        ]),
    ]
  }

  func set(_ role: String, replicas: Int, of cluster: Object) -> Object {
    let image = role == "gateway" ? fixture.gatewayImage : fixture.image("1.0.0")
    var container: JSON = [
      "name": "app", "image": .string(image), "imagePullPolicy": "IfNotPresent",
      "resources": [
        "limits": ["cpu": "500m", "memory": "64Mi"], "requests": ["cpu": "2m", "memory": "8Mi"],
      ],
    ]
    var pod: JSON = [:]
    var spec: JSON = [
      "serviceName": .string(Self.headless), "podManagementPolicy": "Parallel", "replicas": JSON(replicas),
      "selector": ["matchLabels": JSON(podLabels(role))],
    ]
    if role == "worker" {
      let folders = ["/etc", "/data", "/opt/guestconfig"]
      container["volumeMounts"] = .array(
        folders.map {
          ["name": "p", "mountPath": .string($0), "subPath": .string(String($0.dropFirst()))]
        })
      pod["initContainers"] = [
        [
          "name": "init", "image": .string(image), "imagePullPolicy": "IfNotPresent",
          "command": JSON(["/bin/sh", "-c", Self.seed]),
          "volumeMounts": [["name": "p", "mountPath": "/mnt"]],
        ]
      ]
      spec["volumeClaimTemplates"] = [
        [
          "metadata": [
            "name": "p",
            "ownerReferences": [
              [
                "apiVersion": .string(cluster.apiVersion), "kind": .string(cluster.kind),
                "name": .string(cluster.name), "uid": .string(cluster.uid), "controller": true,
                "blockOwnerDeletion": true,
              ]
            ],
          ],
          "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]],
        ]
      ]
    }
    pod["containers"] = [container]
    spec["template"] = ["metadata": ["labels": JSON(podLabels(role))], "spec": pod]
    return Object(
      .statefulSets, namespace: fixture.namespace, name: "kdss-\(role)", labels: podLabels(role),
      owners: [OwnerReference(cluster)], content: ["spec": spec])
  }

  /// Sets the image of a StatefulSet as the operator does for a live upgrade, which replaces no pod by itself.
  func set(_ set: inout Object, image: String) {
    set.json["spec"]?["updateStrategy"] = ["type": "OnDelete"]
    var pod = set.json["spec"]?["template"]?["spec"]
    var container = pod?["containers"]?[0]
    container?["image"] = .string(image)
    pod?["containers"] = .array([container].compactMap { $0 })
    set.json["spec"]?["template"]?["spec"] = pod
  }

  /// Installs the package in a container without a volume.
  static let installs =
    "mkdir -p /opt/guestconfig && tar -xzf /opt/configscripts/appconfig.tgz -C /opt/guestconfig"

  /// Also installs the package, as the operator does in the container.
  private static let seed = """
    set -e
    if [ -e /mnt/etc/kubedirector.init ]; then exit 0; fi
    mkdir -p /mnt/data /mnt/opt/guestconfig
    cp -a /etc /mnt/
    tar -xzf /opt/configscripts/appconfig.tgz -C /mnt/opt/guestconfig
    : > /mnt/etc/kubedirector.init
    """

  /// The status of a released operator.
  func status(pods: [Object]) -> JSON {
    var node = 0
    let roles = Self.roles.map { role, _ -> JSON in
      let members = pods.filter { $0.label(Wire.Label.role) == role }.sorted { $0.name < $1.name }
      return [
        "id": .string(role), "statefulSet": .string("kdss-\(role)"),
        "members": .array(
          members.map { pod in
            node += 1
            return [
              "pod": .string(pod.name), "nodeID": JSON(node), "state": "configured",
              "service": role == "front" ? .string("s-\(pod.name)") : "n/a",
              "pvc": role == "worker" ? .string("p-\(pod.name)") : "",
              "stateDetail": [
                "lastConfiguredContainer":
                  pod.json["status"]?["containerStatuses"]?[0]?["containerID"] ?? .string("")
              ],
            ]
          }),
      ]
    }
    return [
      "state": "configured", "clusterService": .string(Self.headless), "generationUID": "1d0e",
      "lastNodeID": JSON(node), "lastConnectionHash": "d41d", "roles": .array(roles),
    ]
  }
}
