import KubeDirector
import Testing
import Values

@Suite("The shape of a running cluster")
struct ClusterShapeTests {
  // MARK: Test data

  private static func cluster(status: JSON? = nil, finalizers: [String] = []) -> JSON {
    var metadata: JSON = ["name": "old", "namespace": "default", "uid": "c-1"]
    if !finalizers.isEmpty { metadata["finalizers"] = JSON(finalizers) }
    var cluster: JSON = ["metadata": metadata, "spec": ["app": "web-1"]]
    cluster["status"] = status
    return cluster
  }

  private static let status = ClusterStatus(
    state: .configured, app: "web-1",
    roles: [
      RoleStatus(
        id: "worker", statefulSet: "old-worker",
        members: [
          MemberStatus(pod: "old-worker-0", nodeID: 1, volumeClaim: "p-old-worker-0", state: .configured)
        ])
    ]
  ).json

  /// A StatefulSet as the engine creates it for the role `worker`.
  private static let set: JSON = [
    "metadata": [
      "name": "old-worker", "annotations": ["kdops.dev/image": "web:1"], "ownerReferences": [["uid": "c-1"]],
    ],
    "spec": [
      "serviceName": "old", "podManagementPolicy": "Parallel",
      "selector": [
        "matchLabels": ["kubedirector.hpe.com/kdcluster": "old", "kubedirector.hpe.com/role": "worker"]
      ],
      "volumeClaimTemplates": [["metadata": ["name": "p"]]],
      "template": ["spec": ["containers": [["name": "app"]]]],
    ],
  ]

  /// A StatefulSet as KubeDirector's operator creates it.
  private static let foreignSet: JSON = [
    "metadata": ["name": "kdss-x8fgh", "ownerReferences": [["uid": "c-1"]]],
    "spec": [
      "serviceName": "kdhs-2b7qd", "podManagementPolicy": "Parallel",
      "selector": [
        "matchLabels": [
          "kubedirector.hpe.com/kdcluster": "old", "kubedirector.hpe.com/role": "worker",
          "kubedirector.hpe.com/kdapp": "web-1", "kubedirector.hpe.com/headless": "kdhs-2b7qd",
        ]
      ],
      "template": ["spec": ["containers": [["name": "app"]]]],
    ],
  ]

  private static let foreignStatus: JSON = [
    "state": "configured", "clusterService": "kdhs-2b7qd", "generationUID": "1d0e", "lastNodeID": 1,
    "roles": [
      [
        "id": "worker", "statefulSet": "kdss-x8fgh",
        "members": [["pod": "kdss-x8fgh-0", "nodeID": 1, "state": "configured", "service": "kdss-x8fgh-0"]],
      ]
    ],
  ]

  private static func named(_ name: String, owner: String = "c-1", labels: [String: String] = [:]) -> JSON {
    [
      "metadata": [
        "name": .string(name), "labels": JSON(labels), "ownerReferences": [["uid": .string(owner)]],
      ]
    ]
  }

  // MARK: Adoption

  @Test(
    "is accepted for adoption if the engine created it, or nothing was created yet")
  func own() {
    let whole = ClusterShape.adoptionMismatches(
      cluster: Self.cluster(status: Self.status), sets: [Self.set],
      services: [Self.named("old"), Self.named("old-worker-0"), Self.named("a-users-own", owner: "else")],
      claims: [
        Self.named("p-old-worker-0"),
        // Of a role that was removed earlier.
        Self.named("p-old-gateway-2", labels: ["kubedirector.hpe.com/role": "gateway"]),
      ])
    #expect(whole.isEmpty)
    #expect(ClusterShape.adoptionMismatches(cluster: Self.cluster(), sets: []).isEmpty)
    #expect(ClusterShape.adoptionMismatches(cluster: Self.cluster(status: [:]), sets: []).isEmpty)
  }

  @Test("is refused for adoption if KubeDirector created it, and every difference is named")
  func foreign() {
    let found = ClusterShape.adoptionMismatches(
      cluster: Self.cluster(status: Self.foreignStatus, finalizers: ["kubedirector.hpe.com/cleanup"]),
      sets: [Self.foreignSet],
      services: [Self.named("kdhs-2b7qd"), Self.named("kdss-x8fgh-0")], claims: [Self.named("p-other-0")])
    #expect(
      found == [
        .foreignStatus(fields: ["clusterService", "generationUID"]),
        .finalizer("kubedirector.hpe.com/cleanup"),
        .status(fields: ["app", "observedGeneration", "conditions", "roles[0].statefulSet \"kdss-x8fgh\""]),
        .set(name: "kdss-x8fgh", field: .serviceName), .service(name: "kdhs-2b7qd"),
        .claim(name: "p-other-0"),
      ])
    #expect(
      found.words == "its status is written by another operator (clusterService, generationUID); "
        + "it has the finalizer kubedirector.hpe.com/cleanup of another operator; "
        + "its status is not one that kdops wrote (app, observedGeneration, conditions, "
        + "roles[0].statefulSet \"kdss-x8fgh\"); and 3 more")
  }

  @Test(
    "is refused for adoption with one status field that the engine never writes like this",
    arguments: [
      (["state"], "spec modified"), (["app"], ""), (["conditions"], nil), (["observedGeneration"], nil),
      (["roles", "0", "statefulSet"], "old-worker-x7abc"),
      (["roles", "0", "members", "0", "pod"], "old-gateway-0"),
      (["roles", "0", "members", "0", "pvc"], "data-0"),
      (["roles", "0", "members", "0", "state"], "unknown"),
    ] as [([String], JSON?)])
  func damaged(path: [String], value: JSON?) {
    let status = Self.replaced(Self.status, path[...], value)
    let found = ClusterShape.adoptionMismatches(cluster: Self.cluster(status: status), sets: [])
    guard case .status(let fields) = found.first, found.count == 1 else {
      Issue.record("other mismatches: \(found)")
      return
    }
    #expect(fields.count == 1)
  }

  @Test(
    "is refused for adoption with one StatefulSet field that the engine never writes like this",
    arguments: [
      (["spec", "serviceName"], "kdhs-2b7qd", .serviceName),
      (["spec", "selector", "matchLabels", "kubedirector.hpe.com/kdapp"], "web-1", .selector),
      (["spec", "selector", "matchLabels", "kubedirector.hpe.com/kdcluster"], "other", .selector),
      (["spec", "selector", "matchExpressions"], [["key": "a", "operator": "Exists"]], .selector),
      (["spec", "podManagementPolicy"], "OrderedReady", .podManagementPolicy),
      (["spec", "volumeClaimTemplates"], [["metadata": ["name": "data"]]], .volumeClaimTemplates),
      (["metadata", "ownerReferences"], [["uid": "c-2"]], .owner),
      (["metadata", "name"], "old-stranger", .name),
      (["metadata", "annotations"], nil, .image),
      (["spec", "template", "spec", "containers"], [["name": "web"]], .container),
    ] as [([String], JSON?, ShapeMismatch.SetField)])
  func set(path: [String], value: JSON?, field: ShapeMismatch.SetField) {
    let set = Self.replaced(Self.set, path[...], value)
    let found = ClusterShape.adoptionMismatches(cluster: Self.cluster(status: Self.status), sets: [set])
    #expect(found == [.set(name: set["metadata"]?["name"]?.string ?? "", field: field)])
  }

  // MARK: The engine

  @Test("stops the engine only for fields of a set that cannot be edited")
  func engine() {
    func found(_ set: JSON, status: JSON? = Self.status) -> [ShapeMismatch] {
      ClusterShape.mismatches(cluster: Self.cluster(status: status), sets: [set])
    }
    #expect(found(Self.set).isEmpty)
    #expect(found(["metadata": ["name": "old-worker"], "spec": Self.set["spec"] ?? [:]]).isEmpty)
    // A damaged status is rebuilt.
    #expect(found(Self.set, status: ["state": "configured", "roles": "none"]).isEmpty)
    #expect(found(Self.foreignSet) == [.set(name: "kdss-x8fgh", field: .serviceName)])
    #expect(
      found(Self.set, status: Self.foreignStatus) == [
        .foreignStatus(fields: ["clusterService", "generationUID"])
      ])
  }

  @Test("reads a status of another operator as stalled, with the reason")
  func reading() throws {
    let status = try #require(ClusterStatus(Self.foreignStatus))
    let stall = try #require(status.condition(.stalled))
    #expect(stall.status && stall.reason == "NotUnderstood")
    #expect(
      stall.message == "kdops does not manage this cluster: its status is written by another operator "
        + "(clusterService, generationUID); only one operator may manage a cluster")
    #expect(ClusterStatus(Self.status)?.conditions.isEmpty == true)
  }

  /// The tree with a different value at the path; nil removes the value.
  private static func replaced(_ tree: JSON, _ path: ArraySlice<String>, _ value: JSON?) -> JSON {
    guard let key = path.first else { return value ?? .null }
    let rest = path.dropFirst()
    if let index = Int(key), var items = tree.array {
      items[index] = replaced(items[index], rest, value)
      return .array(items)
    }
    var tree = tree
    tree[key] = rest.isEmpty ? value : replaced(tree[key] ?? [:], rest, value)
    return tree
  }
}
