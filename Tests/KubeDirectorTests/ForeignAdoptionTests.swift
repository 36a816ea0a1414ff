import KubeDirector
import Testing
import Values

/// Fixtures are built from the documented shapes of KubeDirector's operator.
@Suite("Adoption of a cluster that KubeDirector's operator manages")
struct ForeignAdoptionTests {
  // MARK: Fixtures

  private static let uid = "c-1"

  private static func metadata(_ name: String) -> JSON {
    ["name": .string(name), "ownerReferences": [["uid": .string(uid), "controller": true]]]
  }

  private static func member(_ pod: String, _ node: Int, claim: Bool) -> JSON {
    var member: JSON = [
      "pod": .string(pod), "nodeID": JSON(node), "state": "configured", "service": .string("svc-\(pod)"),
      "stateDetail": [
        "lastConfiguredContainer": "containerd://1", "lastConfigDataGeneration": 0, "lastSetupGeneration": 0,
        "lastKnownContainerState": "running", "lastConnectionVersion": 0,
      ],
    ]
    if claim { member["pvc"] = .string("p-\(pod)") }
    return member
  }

  /// The status of a released operator.
  private static let released: JSON = [
    "state": "configured", "clusterService": "kdhs-2b7qd", "generationUID": "1d0e", "lastNodeID": 4,
    "specGenerationToProcess": 0, "lastConnectionHash": "d41d",
    "memberStateRollup": ["membershipChanging": false, "configErrors": false],
    "roles": [
      [
        "id": "seed", "statefulSet": "kdss-x8fgh",
        "members": [member("kdss-x8fgh-0", 1, claim: true), member("kdss-x8fgh-1", 2, claim: true)],
      ],
      ["id": "worker", "statefulSet": "kdss-p2k4t", "members": [member("kdss-p2k4t-0", 3, claim: false)]],
    ],
  ]

  /// The status of the operator with live upgrades, after an upgrade.
  private static var liveUpgrade: JSON {
    var status = released
    status["upgradeInfo"] = .some(.null)
    status["roles"] = .array(
      (released["roles"]?.array ?? []).map { role in
        var role = role
        role["roleUpgradeStatus"] = "RoleUpgraded"
        role["members"] = .array(
          (role["members"]?.array ?? []).map { member in
            var member = member
            member["podUpgradeStatus"] = "PodConfigured"
            return member
          })
        return role
      })
    return status
  }

  private static func set(_ name: String, role: String, replicas: Int, hasClaim: Bool) -> JSON {
    let labels: JSON = [
      "kubedirector.hpe.com/kdcluster": "ring", "kubedirector.hpe.com/role": .string(role),
      "kubedirector.hpe.com/kdapp": "cassandra311", "kubedirector.hpe.com/appCatalog": "local",
      // The operator labels pods with the name of the cluster, not with that of the service.
      "kubedirector.hpe.com/headless": "ring",
    ]
    var spec: JSON = [
      "serviceName": "kdhs-2b7qd", "podManagementPolicy": "Parallel", "replicas": JSON(replicas),
      "selector": ["matchLabels": labels],
      "template": [
        "metadata": ["labels": labels],
        "spec": ["containers": [["name": "app", "image": "bluedata/cassandra:4.0"]]],
      ],
    ]
    if hasClaim { spec["volumeClaimTemplates"] = [["metadata": metadata("p")]] }
    return [
      "metadata": metadata(name), "spec": spec,
      "status": ["currentRevision": "r-1", "updateRevision": "r-1"],
    ]
  }

  private static func named(_ name: String) -> JSON { ["metadata": metadata(name)] }

  private static func headless(_ name: String) -> JSON {
    [
      "metadata": metadata(name),
      "spec": [
        "clusterIP": "None", "publishNotReadyAddresses": true,
        "selector": ["kubedirector.hpe.com/headless": "ring"],
      ],
    ]
  }

  private static func objects(status: JSON = released) -> ForeignObjects {
    ForeignObjects(
      cluster: [
        "metadata": [
          "name": "ring", "uid": .string(uid), "generation": 7,
          "finalizers": ["kubedirector.hpe.com/cleanup"],
        ],
        "spec": [
          "app": "cassandra311", "appCatalog": "local",
          "roles": [["id": "seed", "members": 2], ["id": "worker", "members": 1]],
        ], "status": status,
      ],
      sets: [
        set("kdss-x8fgh", role: "seed", replicas: 2, hasClaim: true),
        set("kdss-p2k4t", role: "worker", replicas: 1, hasClaim: false),
      ],
      services: [headless("kdhs-2b7qd")]
        + ["svc-kdss-x8fgh-0", "svc-kdss-x8fgh-1", "svc-kdss-p2k4t-0"].map(named),
      claims: ["p-kdss-x8fgh-0", "p-kdss-x8fgh-1", "p-kdss-x8fgh-2"].map(named))
  }

  // MARK: Accepted

  @Test("keeps every object and writes only metadata, with both status shapes", arguments: [false, true])
  func accepted(isLiveUpgrade: Bool) throws {
    let adoption = ForeignAdoption(
      Self.objects(status: isLiveUpgrade ? Self.liveUpgrade : Self.released))
    #expect(adoption.problems.isEmpty)
    let image = ForeignAdoption.Entry.Decision.write(
      annotations: ["kdops.dev/image": "bluedata/cassandra:4.0"], finalizers: [])
    #expect(
      adoption.entries == [
        .init(
          "KubeDirectorCluster", "ring",
          .write(annotations: [:], finalizers: ["kubedirector.hpe.com/cleanup"])),
        .init("StatefulSet", "kdss-p2k4t", image), .init("StatefulSet", "kdss-x8fgh", image),
        .init("Service", "kdhs-2b7qd", .keep), .init("Service", "svc-kdss-p2k4t-0", .keep),
        .init("Service", "svc-kdss-x8fgh-0", .keep), .init("Service", "svc-kdss-x8fgh-1", .keep),
        .init("PersistentVolumeClaim", "p-kdss-x8fgh-0", .release),
        .init("PersistentVolumeClaim", "p-kdss-x8fgh-1", .release),
        // Of a member that was removed.
        .init("PersistentVolumeClaim", "p-kdss-x8fgh-2", .release),
      ])
  }

  @Test("continues from the live status: names, node ids, services, claims and containers stay")
  func status() throws {
    let adoption = ForeignAdoption(Self.objects(status: Self.liveUpgrade))
    #expect(adoption.headlessService == "kdhs-2b7qd")
    let status = try #require(adoption.status)
    #expect(status.state == .configured && status.app == "cassandra311" && status.appCatalog == .local)
    #expect(status.lastNodeID == 4 && status.observedGeneration == 7 && status.upgradeInfo == nil)
    #expect(status.roles.map(\.statefulSet) == ["kdss-x8fgh", "kdss-p2k4t"])
    #expect(status.roles.allSatisfy { $0.upgradeStatus == nil })
    let member = try #require(status.role("seed")?.members.last)
    #expect(member.pod == "kdss-x8fgh-1" && member.nodeID == 2 && member.volumeClaim == "p-kdss-x8fgh-1")
    #expect(member.service == "svc-kdss-x8fgh-1" && member.app == "cassandra311")
    #expect(member.detail.lastConfiguredContainer == "containerd://1")
    #expect(ClusterShape.foreignFields(of: status.json).isEmpty)
    #expect(
      status.adopted
        == AdoptedCluster(
          headlessService: "kdhs-2b7qd", headlessSelector: ["kubedirector.hpe.com/headless": "ring"],
          app: "cassandra311"))
    #expect(ClusterStatus(status.json) == status)
  }

  @Test("decides the same again after the image annotations and the status were written")
  func again() throws {
    var objects = Self.objects()
    let first = ForeignAdoption(objects)
    var status = try #require(first.status)
    status.specCommit = "4f2c9ab"
    objects.cluster["status"] = status.json
    objects.sets[0]["metadata"]?["annotations"] = ["kdops.dev/image": "bluedata/cassandra:4.0"]
    // A webhook names another registry.
    objects.sets[0]["spec"]?["template"]?["spec"]?["containers"] = [["name": "app", "image": "mirror/c:4.0"]]
    #expect(ClusterShape.isForeign(cluster: objects.cluster, sets: []))
    let second = ForeignAdoption(objects)
    #expect(second.entries == first.entries && second.status == status)
  }

  @Test("sorts members by their ordinals, in whatever order the other operator lists them")
  func order() throws {
    var objects = Self.objects()
    var members = objects.cluster["status"]?["roles"]?[0]?["members"]?.array ?? []
    members.reverse()
    objects.cluster["status"] = Self.replaced(
      objects.cluster["status"] ?? [:], ["roles", "0", "members"], .array(members))
    let status = try #require(ForeignAdoption(objects).status)
    #expect(status.role("seed")?.members.map(\.pod) == ["kdss-x8fgh-0", "kdss-x8fgh-1"])
    #expect(status.role("seed")?.members.map(\.nodeID) == [1, 2])
  }

  @Test("accepts members without a generation, as those of roles without a package")
  func withoutGeneration() {
    var status = Self.replaced(Self.released, ["specGenerationToProcess"], 1)
    for (role, member) in [("0", "0"), ("0", "1"), ("1", "0")] {
      status = Self.replaced(
        status, ["roles", role, "members", member, "stateDetail"],
        ["lastConfiguredContainer": "containerd://1", "pendingNotifyCmds": []])
    }
    #expect(ForeignAdoption(Self.objects(status: status)).problems == [])
  }

  @Test("takes n/a for no service and no volume, and needs no claims if they may not be read")
  func notAvailable() throws {
    var objects = Self.objects()
    let member: [String] = ["roles", "1", "members", "0"]
    for field in ["service", "pvc"] {
      objects.cluster["status"] = Self.replaced(
        objects.cluster["status"] ?? [:], (member + [field])[...], "n/a")
    }
    #expect(ForeignAdoption(objects).problems == [])
    objects.claims = nil
    let adoption = ForeignAdoption(objects)
    #expect(adoption.problems == [])
    let worker = try #require(adoption.status?.role("worker")?.members.first)
    #expect(worker.service == nil && worker.volumeClaim == nil)
  }

  @Test("keeps claims that the cluster does not own, as after an interrupted adoption")
  func releasedClaim() {
    var objects = Self.objects()
    objects.claims?[0] = ["metadata": ["name": "p-kdss-x8fgh-0"]]
    let claims = ForeignAdoption(objects).entries.filter { $0.kind == "PersistentVolumeClaim" }
    #expect(claims.map(\.decision) == [.keep, .release, .release])
  }

  @Test("has volumes if a StatefulSet has a claim template or the status names a claim")
  func volumes() {
    let objects = Self.objects()
    #expect(ForeignAdoption.hasVolumes(cluster: objects.cluster, sets: []))
    #expect(ForeignAdoption.hasVolumes(cluster: ["metadata": [:]], sets: objects.sets))
    #expect(!ForeignAdoption.hasVolumes(cluster: ["metadata": [:]], sets: [objects.sets[1]]))
  }

  @Test("rejects a cluster that is being deleted: without its finalizer it would be gone")
  func deleted() {
    var objects = Self.objects()
    objects.cluster["metadata"]?["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    #expect(ForeignAdoption(objects).problems == ["KubeDirectorCluster ring: it is being deleted"])
  }

  @Test(
    "accepts a set whose pods all have the new revision, although the current one stays behind with OnDelete")
  func onDelete() {
    var objects = Self.objects()
    objects.sets[0]["status"] = ["currentRevision": "r-1", "updateRevision": "r-2", "updatedReplicas": 1]
    #expect(ForeignAdoption(objects).problems.count == 1)
    objects.sets[0]["status"]?["updatedReplicas"] = 2
    #expect(ForeignAdoption(objects).problems == [])
  }

  @Test("ignores services of another owner")
  func services() {
    var objects = Self.objects()
    objects.services.append(["metadata": ["name": "a-users-own"]])
    let adoption = ForeignAdoption(objects)
    #expect(adoption.problems.isEmpty)
    #expect(!adoption.entries.contains { $0.name == "a-users-own" })
  }

  // MARK: Rejected

  @Test(
    "rejects a cluster that its operator has not finished with",
    arguments: [
      (["state"], "updating", .unsettled(state: "updating")),
      (["state"], nil, .unsettled(state: "")),
      (["upgradeInfo"], ["prevApp": "cassandra310", "isRollingBack": false], .upgradeRunning),
      (
        ["roles", "1", "members", "0", "state"], "config error",
        .memberState(pod: "kdss-p2k4t-0", state: "config error")
      ),
      (
        ["roles", "1", "members", "0", "pod"], "else-0",
        .memberName(pod: "else-0", statefulSet: "kdss-p2k4t")
      ),
      (
        ["roles", "1", "members", "0", "stateDetail", "pendingNotifyCmds"],
        [["arguments": ["--addnodes", "--nodegroup 1", "--role", "seed", "--fqdns", "a,b"]]],
        .pendingNotifications(pod: "kdss-p2k4t-0")
      ),
      (["specGenerationToProcess"], 1, .outdatedMetadata(pod: "kdss-x8fgh-1")),
      (["roles", "1", "members", "0", "pod"], "kdss-p2k4t-1", .ordinals(role: "worker", [1])),
    ] as [([String], JSON?, AdoptionProblem)])
  func unsettled(path: [String], value: JSON?, problem: AdoptionProblem) {
    let adoption = ForeignAdoption(Self.objects(status: Self.replaced(Self.released, path[...], value)))
    #expect(adoption.status == nil)
    #expect(adoption.entries.contains(.init("KubeDirectorCluster", "ring", .reject(problem))))
  }

  @Test(
    "rejects a StatefulSet with an immutable field that kdops does not manage, or whose pods would restart",
    arguments: [
      (["metadata", "ownerReferences"], [], .owner),
      (["metadata", "name"], "kdss-other", .notInStatus),
      (["spec", "serviceName"], "kdhs-gone", .headlessService("kdhs-gone")),
      (["spec", "selector", "matchLabels", "kubedirector.hpe.com/role"], "seed", .selector),
      (["spec", "selector", "matchExpressions"], [["key": "a", "operator": "Exists"]], .selector),
      (["spec", "podManagementPolicy"], nil, .podManagementPolicy("OrderedReady")),
      (
        ["spec", "volumeClaimTemplates"], [["metadata": ["name": "p"]], ["metadata": ["name": "block"]]],
        .volumeClaimTemplates(["block"])
      ),
      (["spec", "template", "spec", "containers"], [["name": "web", "image": "w"]], .container),
      (["spec", "replicas"], 2, .replicas(requested: 2, members: 1)),
      (["status", "updateRevision"], "r-2", .rolloutRunning),
    ] as [([String], JSON?, AdoptionProblem)])
  func set(path: [String], value: JSON?, problem: AdoptionProblem) {
    var objects = Self.objects()
    objects.sets[1] = Self.replaced(objects.sets[1], path[...], value)
    let adoption = ForeignAdoption(objects)
    #expect(adoption.status == nil)
    let name = problem == .notInStatus ? "kdss-other" : "kdss-p2k4t"
    #expect(adoption.entries.contains(.init("StatefulSet", name, .reject(problem))))
    #expect(adoption.problems.contains("StatefulSet \(name): \(problem.words)"))
    // The status then names a set that does not exist.
    #expect(adoption.problems.count == (problem == .notInStatus ? 2 : 1))
  }

  @Test("rejects roles with different headless services, unknown finalizers, other sizes and missing claims")
  func others() {
    var objects = Self.objects()
    objects.sets[0]["spec"]?["serviceName"] = "kdhs-second"
    objects.services.append(Self.headless("kdhs-second"))
    objects.cluster["metadata"]?["finalizers"] = ["kubedirector.hpe.com/backup", "example.com/guard"]
    objects.cluster["spec"]?["roles"] = [["id": "seed", "members": 3], ["id": "worker", "members": 1]]
    objects.claims?.removeFirst()
    #expect(
      ForeignAdoption(objects).problems == [
        "KubeDirectorCluster ring: "
          + AdoptionProblem.finalizer("kubedirector.hpe.com/backup").words,
        "KubeDirectorCluster ring: " + AdoptionProblem.size(role: "seed", requested: 3, found: 2).words,
        "StatefulSet kdss-x8fgh: " + AdoptionProblem.otherHeadlessService("kdhs-second").words,
        "PersistentVolumeClaim p-kdss-x8fgh-0: " + AdoptionProblem.missingClaim.words,
      ])
  }

  @Test(
    "rejects a headless service that does not select the pods of every role",
    arguments: [
      ["kubedirector.hpe.com/headless": "other"],
      ["kubedirector.hpe.com/headless": "ring", "kubedirector.hpe.com/role": "seed"],
    ])
  func headlessSelector(selector: [String: String]) {
    var objects = Self.objects()
    objects.services[0]["spec"]?["selector"] = JSON(selector)
    let problem = AdoptionProblem.headlessSelector("kdhs-2b7qd")
    let problems = ForeignAdoption(objects).problems
    #expect(problems.contains("StatefulSet kdss-p2k4t: \(problem.words)"))
  }

  private static func replaced(_ json: JSON, _ path: ArraySlice<String>, _ value: JSON?) -> JSON {
    guard let first = path.first else { return value ?? .null }
    if case .array(var items) = json, let index = Int(first) {
      items[index] = replaced(items[index], path.dropFirst(), value)
      return .array(items)
    }
    var json = json
    json[first] = path.count == 1 ? value : replaced(json[first] ?? [:], path.dropFirst(), value)
    return json
  }
}
