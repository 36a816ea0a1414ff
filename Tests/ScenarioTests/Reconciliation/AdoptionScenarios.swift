import ClusterAPI
import KubeDirector
import Testing
import Values

@Suite("Adopting a cluster that already runs", needsBubblewrap)
struct AdoptionScenarios {
  @Test(
    "a cluster with a StatefulSet that KubeDirector has not finished is rejected with a reason and stays unchanged",
    arguments: Backend.available)
  func foreign(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(
      app: "1.0.0", annotations: [Wire.Annotation.adopt: "true"])
    try await scenario(fixture, files, start: false) { scene in
      let operatorObjects = OperatorObjects(fixture)
      try await scene.written { api in
        let cluster = try await api.create(operatorObjects.cluster())
        _ = try await api.create(operatorObjects.set("worker", replicas: 0, of: cluster))
        var withStatus = cluster
        withStatus.json["status"] = operatorObjects.status(pods: [])
        _ = try await api.updateStatus(withStatus)
      }
      let before = try #require(try await scene.cluster())
      let set = try await scene.list(.statefulSets, [Wire.Label.cluster: "shop"]).first
      try await scene.start()
      let note = try await scene.note(try scene.forge.first(), phase: "rejected")
      let report = try #require(note.object("shop"))
      #expect(report.rules.first == "cluster/adoption-shape")
      #expect(report.message?.contains("role worker has 0 members and requests 1") == true)
      try await staying(for: .seconds(1), "cluster and StatefulSet as they were") {
        let sets = try await scene.list(.statefulSets, [Wire.Label.cluster: "shop"])
        return try await scene.cluster() == before && sets.map(\.name) == ["kdss-worker"]
          && sets.allSatisfy { $0.generation == 1 && $0.labels == set?.labels }
      }
    }
  }

  @Test(
    "a cluster of KubeDirector's operator keeps its pods; its first upgrade and a rollback work, in both orders",
    needsKubernetes, arguments: [false, true])
  func adopted(failsFirst: Bool) async throws {
    let fixture = Fixture(.kubernetes, workers: 2, .init(version: "1.2", failsUpgraded: 3))
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(
      app: "1.0.0", annotations: [Wire.Annotation.adopt: "true"])
    try await scenario(fixture, files, start: false, prunes: true) { scene in
      try await create(OperatorObjects(fixture), in: scene)
      let before = try await scene.pods()
      let services = try await scene.names(.services)
      #expect(before.count == 4)
      try await scene.start()
      try await scene.note(try scene.forge.first(), phase: "done")
      try await scene.configured("1.0.0")

      try await staying(for: .seconds(10), "pods and services as they were") {
        let (pods, names) = (try await scene.pods(), try await scene.names(.services))
        return pods == before && names == services
      }
      let claims = try await scene.list(.volumeClaims, .everything)
      #expect(claims.count == 2 && claims.allSatisfy { $0.owners.isEmpty })
      let adopted = try #require(try await scene.cluster())
      #expect(adopted.json["metadata"]?["finalizers"] == nil)
      #expect(try await scene.status()?.isStalled == false)

      func files(_ version: String) -> [String: String?] {
        [
          Fixture.appPath(version): fixture.app(version),
          Fixture.clusterPath("shop"): fixture.cluster(
            app: version, annotations: [Wire.Annotation.adopt: "true"]),
        ]
      }
      func upgrade() async throws {
        let commit = try scene.forge.push(files("1.1.0"), "Upgrade shop")
        try await scene.note(commit, phase: "done")
        try await scene.configured("1.1.0")
        try await expect(scene, image: fixture.image("1.1.0"), services)
      }
      if !failsFirst { try await upgrade() }
      let old = failsFirst ? "1.0.0" : "1.1.0"
      let broken = try scene.forge.push(files("1.2.0"), "Upgrade shop to a version whose scripts fail")
      try await scene.eventually("stalled upgrade") {
        try await scene.status()?.isStalled == true ? true : nil
      }
      _ = try scene.forge.revert(broken)
      try await scene.configured(old)
      #expect(try await scene.status()?.isStalled == false)
      let touched = try await scene.pods().filter { before[$0.key] != $0.value }
      let others = touched.filter { $0.value.image != fixture.image(old) && !$0.key.contains("gateway") }
      #expect(others == [:])
      if failsFirst { try await upgrade() }
      try await expect(scene, image: fixture.image("1.1.0"), services)
    }
  }

  /// Every pod has the image, and its host name in `configmeta.json` is below a service that exists.
  private func expect(_ scene: Scene, image: String, _ services: [String]) async throws {
    #expect(try await scene.names(.services) == services)
    for (name, pod) in try await scene.pods() {
      guard !name.hasPrefix("kdss-gateway") else { continue }
      #expect(pod.image == image, "\(name)")
      let meta = try await scene.site.file("/etc/guestconfig/configmeta.json", in: scene.name(name))
      let fqdn = "\(name).\(OperatorObjects.headless).\(scene.fixture.namespace).svc.cluster.local"
      #expect(meta?.contains(fqdn) == true, "\(name)")
    }
  }

  private func create(_ objects: OperatorObjects, in scene: Scene) async throws {
    try await scene.written { api in
      let cluster = try await api.create(objects.cluster())
      for service in objects.services(of: cluster) { _ = try await api.create(service) }
      for (role, count) in OperatorObjects.roles {
        _ = try await api.create(objects.set(role, replicas: count, of: cluster))
      }
    }
    let pods = try await scene.eventually("ready pods of the operator") {
      let pods = try await scene.list(.pods, [Wire.Label.cluster: "shop"])
      let ready = pods.filter { PodSight($0).isReady }
      return ready.count == 4 ? ready : nil
    }
    try await scene.written { api in
      var cluster = try await api.get(.clusters, scene.name("shop"))
      cluster.json["status"] = objects.status(pods: pods)
      _ = try await api.updateStatus(cluster)
    }
  }
}

/// The objects of cluster `shop` as KubeDirector's operator leaves them: generated names, its labels in selectors, a
/// seeded volume in role `worker`, and a service for the member of role `front`.
private struct OperatorObjects: Sendable {
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
