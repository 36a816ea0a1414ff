import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("The objects of a cluster")
struct ObjectBuilderTests {
  @Test("have the same template for a role whose image is the same in two versions")
  func sameTemplate() throws {
    let old = try Fixture.set("gateway", version: "1.0.0")
    let new = try Fixture.set("gateway", version: "1.1.0")
    #expect(old.json["spec"]?["template"] == new.json["spec"]?["template"])
    #expect(old.label(Wire.Label.app) == "spark-1.0.0")
    #expect(new.label(Wire.Label.app) == "spark-1.1.0")
  }

  @Test("contain no app name in selectors and templates")
  func appLabel() throws {
    let set = try Fixture.set("worker")
    #expect(set.json["spec"]?["template"]?["metadata"]?["labels"]?[Wire.Label.app] == nil)
    #expect(set.json["spec"]?["selector"]?["matchLabels"]?[Wire.Label.app] == nil)
    #expect(
      set.json["spec"]?["volumeClaimTemplates"]?[0]?["metadata"]?["labels"]?[Wire.Label.app] == nil)
  }

  @Test("have a partition above every ordinal while configured")
  func atRest() throws {
    let update = try Fixture.set("worker").json["spec"]?["updateStrategy"]
    #expect(update?["type"]?.string == "RollingUpdate")
    #expect(update?["rollingUpdate"]?["partition"]?.integer == 1000)
  }

  @Test("are owned by the cluster, except volumes")
  func owners() throws {
    #expect(try Fixture.set("worker").owners.map(\.uid) == ["c-1"])
    #expect(Fixture.builder().headless().owners.map(\.uid) == ["c-1"])
    #expect(
      try Fixture.set("worker").json["spec"]?["volumeClaimTemplates"]?[0]?["metadata"]?["ownerReferences"]
        == nil)
  }

  @Test("persist the folders of a role with storage once, without nested folders")
  func persisted() throws {
    let role = try #require(Fixture.app().resolved("worker"))
    #expect(
      ObjectBuilder.persisted(role) == [
        "/etc", "/data", "/opt/guestconfig", "/opt/guestconfig.backup", "/var/log/guestconfig",
        "/usr/local/bin",
        "/usr/local/lib",
      ])
  }

  @Test("persist a folder once in any spelling, and not in addition to its parent")
  func persistedSpellings() throws {
    var role = try #require(Fixture.app().resolved("worker"))
    role.package = nil
    role.persistDirs = ["/d", "//d/a/volumes", "/d/./a", "/d//", "/x/../y", "/dd", "/..", "relative", "/y/"]
    #expect(ObjectBuilder.persisted(role) == ["/etc", "/d", "/y", "/dd"])
  }

  @Test("persist /opt and /usr as a whole with the legacy layout")
  func legacy() throws {
    var role = try #require(Fixture.app().resolved("worker"))
    role.package?.useNewSetupLayout = false
    #expect(ObjectBuilder.persisted(role) == ["/etc", "/data", "/var/log/guestconfig", "/opt", "/usr"])
  }

  @Test("make members known to each other by the names of their pods, in the domain of the headless service")
  func searchDomain() throws {
    #expect(
      try Fixture.pod(of: "gateway")["dnsConfig"] == ["searches": ["analytics.prod.svc.cluster.local"]])
  }

  @Test("contain no text of a file in a shell script")
  func seedArguments() throws {
    let command = try Fixture.set("worker").json["spec"]?["template"]?["spec"]?["initContainers"]?[0]?[
      "command"]
    let words = command?.array?.compactMap(\.string) ?? []
    #expect(words.prefix(2) == ["/bin/sh", "-c"])
    #expect(words.dropFirst(2).first == PodScripts.seed)
    #expect(words.contains("/data"))
    #expect(!PodScripts.seed.contains("/data"))
  }

  @Test(
    "pull images with a moving tag for every container, others once",
    arguments: [
      ("registry.example:5000/spark", "Always"), ("spark", "Always"), ("a/spark:latest", "Always"),
      ("registry.example:5000/spark:1.0", "IfNotPresent"), ("spark@sha256:0a1b", "IfNotPresent"),
      ("spark:latest@sha256:0a1b", "IfNotPresent"), ("spark:latest-1", "IfNotPresent"),
    ])
  func pullPolicy(image: String, policy: String) {
    #expect(ObjectBuilder.pullPolicy(image) == policy)
  }

  @Test("have the administrator's defaults where the file sets nothing")
  func defaults() throws {
    let defaults = PodDefaults(
      serviceType: "LoadBalancer", storageClass: "fast", labels: ["team": "data", "tier": "1"],
      annotations: ["example.com/scrape": "true"])
    var cluster = Fixture.cluster()
    cluster.spec.roles[1].podLabels = ["tier": "2"]
    cluster.metadata.annotations[Wire.Annotation.gracePeriod] = "worker=300"
    let filled = cluster.filled(from: defaults)
    let builder = Fixture.builder(Fixture.status(), filled)
    let app = Fixture.app()
    let (role, resolved) = (try #require(filled.spec.role("worker")), try #require(app.resolved("worker")))
    let set = builder.statefulSet(
      name: "analytics-worker", role: role, app: "spark-1.0.0", resolved: resolved, spec: app,
      goal: SetGoal(app: "spark-1.0.0", replicas: 2, strategy: .atRest))
    let template = set.json["spec"]?["template"]
    #expect(template?["metadata"]?["labels"]?["team"] == "data")
    #expect(template?["metadata"]?["labels"]?["tier"] == "2")
    #expect(template?["metadata"]?["annotations"]?["example.com/scrape"] == "true")
    #expect(template?["spec"]?["terminationGracePeriodSeconds"] == 300)
    #expect(set.json["spec"]?["volumeClaimTemplates"]?[0]?["spec"]?["storageClassName"] == "fast")
    let service = builder.memberService(role: role, services: [], pod: "analytics-worker-0")
    #expect(service.json["spec"]?["type"] == "LoadBalancer")
    #expect(filled.spec.raw == cluster.spec.raw)
  }

  @Test("match the golden files", arguments: ["controller", "worker", "gateway"])
  func golden(role: String) throws {
    let text = try Fixture.set(role).json.text(pretty: true, sortedKeys: true) + "\n"
    #expect(try Golden.stored("\(role).json", recording: text) == text)
  }

  @Test("name ports by the ids of services if KubeDirector's names are equal")
  func equalPortNames() throws {
    let role = try #require(Fixture.cluster().spec.role("controller"))
    let services = [("b", "http-a", 1), ("a-b", "http", 2)].map { id, scheme, port in
      AppService(["id": .string(id), "endpoint": ["port": JSON(port), "urlScheme": .string(scheme)]])
    }
    let service = Fixture.builder().memberService(role: role, services: services, pod: "p-0")
    #expect(service.json["spec"]?["ports"]?.array?.map { $0["name"] } == ["b", "a-b"])
  }

  @Test("keep the ports of the node when the ports of a service get other names")
  func nodePorts() throws {
    let live: JSON = [
      "type": "NodePort",
      "ports": [
        ["name": "web", "port": 80, "protocol": "TCP", "nodePort": 31000], ["port": 81, "nodePort": 31001],
      ],
    ]
    func patch(_ type: JSON) -> JSON? {
      let spec: JSON = [
        "type": type,
        "ports": [["name": "http-web", "port": 80, "protocol": "TCP"], ["name": "x", "port": 82]],
      ]
      return ActionExecutor.servicePatch(
        Object(.services, namespace: "n", name: "s", content: ["spec": spec]), of: live)
    }
    #expect(patch("NodePort")?["ports"]?.array?.map { $0["nodePort"] } == [31000, nil])
    #expect(patch("ClusterIP")?["ports"]?.array?.map { $0["nodePort"] } == [nil, nil])
  }

  @Test("have a port for each service of a member")
  func memberService() throws {
    let app = Fixture.app()
    let role = try #require(Fixture.cluster().spec.role("controller"))
    let service = Fixture.builder().memberService(
      role: role, services: app.services, pod: "analytics-controller-0")
    #expect(service.name == "analytics-controller-0")
    #expect(service.json["spec"]?["ports"]?[0]?["name"]?.string == "http-web")
    #expect(service.json["spec"]?["ports"]?[0]?["port"]?.integer == 8080)
  }

  @Test("have unique port names, however similar the ids of the services begin")
  func portNames() throws {
    let services = AppSpec([
      "services": [
        ["id": "dashboard-a", "endpoint": ["port": 8443, "urlScheme": "https"]],
        ["id": "dashboard-b", "endpoint": ["port": 9443, "urlScheme": "https"]],
      ]
    ]).services
    let role = try #require(Fixture.cluster().spec.role("controller"))
    let service = Fixture.builder().memberService(
      role: role, services: services, pod: "analytics-controller-0")
    let ports = service.json["spec"]?["ports"]?.array ?? []
    #expect(ports.map { $0["name"]?.string } == ["https-dashboard-a", "https-dashboard-b"])
  }

  @Test("carry the name of their app, and its catalog if that is pinned")
  func catalog() throws {
    let role = try #require(Fixture.cluster().spec.role("controller"))
    func all(_ status: ClusterStatus) throws -> [Object] {
      let builder = Fixture.builder(status)
      return [
        try Fixture.set("controller", status: status), builder.headless(),
        builder.memberService(role: role, services: [], pod: "analytics-controller-0"),
      ]
    }
    for object in try all(Fixture.status(catalog: .system)) {
      #expect(object.label(Wire.Label.appCatalog) == "system")
      #expect(object.label(Wire.Label.app) == "spark-1.0.0")
      #expect(
        object.json["spec"]?["template"]?["metadata"]?["labels"]?[Wire.Label.appCatalog] == nil)
    }
    for object in try all(Fixture.status(catalog: nil)) {
      #expect(object.label(Wire.Label.appCatalog) == nil)
    }
  }

  @Test("carry the old app's catalog for a role that still runs the old app")
  func previousCatalog() throws {
    var status = Fixture.status(catalog: .local)
    status.app = "spark-1.1.0"
    status.upgradeInfo = UpgradeInfo(
      isRollingBack: false, prevApp: "spark-1.0.0", prevAppCatalog: .system, id: "u", startedAt: 0)
    #expect(try Fixture.set("worker", status: status).label(Wire.Label.appCatalog) == "system")
    #expect(
      try Fixture.set("worker", version: "1.1.0", status: status).label(Wire.Label.appCatalog) == "local")
  }
}

@Suite("configmeta.json")
struct ConfigMetaTests {
  @Test("describes the member itself and all others")
  func golden() throws {
    let status = Fixture.status()
    let meta = ConfigMeta(
      cluster: Fixture.cluster(), status: status, app: Fixture.app(), clusterDomain: "cluster.local",
      stamp: .forTests)
    let member = try #require(status.role("worker")?.members.first)
    let text = meta.json(role: "worker", member: member).text(pretty: true, sortedKeys: true) + "\n"
    #expect(try Golden.stored("configmeta.json", recording: text) == text)
  }

  /// The order of `pkg/catalog/types.go` in KubeDirector, whose encoder also sorts the keys of maps: configcli prints
  /// keys in the order of the file.
  @Test("has the members of KubeDirector's file, in its order")
  func order() throws {
    func keys(_ value: JSON?) -> String { (value?.object ?? [:]).map(\.key).joined(separator: " ") }
    let json = try meta()
    #expect(keys(json) == "version services nodegroups distros cluster node connections")
    #expect(keys(json["node"]) == "role_id nodegroup_id id hostname fqdn domain distro_id depends_on")
    #expect(keys(json["cluster"]) == "name isolated id config_metadata")
    #expect(keys(json["connections"]) == "clusters configmaps secrets")
    let group = json["nodegroups"]?["1"]
    #expect(keys(group) == "roles distro_id catalog_entry_version config_metadata")
    // The app lists controller, worker, gateway.
    #expect(keys(group?["roles"]) == "controller gateway worker")
    let role = group?["roles"]?["controller"]
    #expect(
      keys(role)
        == "services node_ids hostnames fqdns fqdn_mappings flavor secret_keys block_device_paths")
    #expect(keys(role?["flavor"]) == "storage name memory description cores")
    #expect(
      keys(role?["services"]?["web"])
        == "qualifiers name id hostnames global_id fqdns exported_service endpoints authToken")
    #expect(role?["block_device_paths"] == .null && role?["secret_keys"] == .object([:]))
  }

  @Test("names for a connected cluster what it does not contain")
  func neighbour() throws {
    let connected = ConfigMeta(
      cluster: Fixture.cluster(), status: Fixture.status(), app: Fixture.app(),
      clusterDomain: "cluster.local",
      stamp: .forTests, path: ["connections", "clusters", "analytics"]
    ).asConnection
    #expect(connected["node"] == .null)
    #expect(connected["connections"] == ["clusters": nil, "configmaps": nil, "secrets": nil])
  }

  @Test("contains no dangling references")
  func references() throws {
    let json = try meta()
    var found = 0
    func walk(_ value: JSON) {
      if let path = value["bdvlibrefkey"]?.array?.compactMap(\.string) {
        found += 1
        #expect(path.reduce(json as JSON?) { $0?[$1] } != nil, "\(path)")
      }
      for (_, inner) in value.object ?? [:] { walk(inner) }
      for inner in value.array ?? [] { walk(inner) }
    }
    walk(json)
    #expect(found == 5)
  }

  @Test("contains CPUs as whole numbers, rounded up", arguments: [("500m", "1"), ("2", "2"), ("2500m", "3")])
  func cores(limit: String, cores: String) throws {
    var cluster = Fixture.cluster()
    cluster.spec.roles[1].limits["cpu"] = limit
    let flavor = try meta(cluster)["nodegroups"]?["1"]?["roles"]?["worker"]?["flavor"]
    #expect(flavor?["cores"]?.string == cores)
    #expect(flavor?["storage"]?.string == "n/a")
  }

  @Test("has a place for each kind of connection, connected or not")
  func connections() throws {
    var cluster = Fixture.cluster()
    cluster.spec.connections.configMaps = ["settings"]
    #expect(try meta(cluster)["connections"]?["configmaps"] == .object([:]))
    #expect(try meta(cluster)["connections"]?["secrets"] == .object([:]))
  }

  private func meta(_ cluster: Cluster = Fixture.cluster()) throws -> JSON {
    let status = Fixture.status()
    let member = try #require(status.role("worker")?.members.first)
    return ConfigMeta(
      cluster: cluster, status: status, app: Fixture.app(), clusterDomain: "cluster.local", stamp: .forTests
    ).json(role: "worker", member: member)
  }

  @Test("omits roles without members")
  func emptyRole() throws {
    var status = Fixture.status()
    status.roles[2].members = []
    let json = ConfigMeta(
      cluster: Fixture.cluster(), status: status, app: Fixture.app(), clusterDomain: "cluster.local",
      stamp: .forTests
    ).shared
    #expect(json["nodegroups"]?["1"]?["roles"]?["gateway"] == nil)
    #expect(json["nodegroups"]?["1"]?["roles"]?["worker"] != nil)
  }

  @Test("omits leaving members")
  func leaving() throws {
    var status = Fixture.status()
    status.roles[1].members[1].state = .deletePending
    let meta = ConfigMeta(
      cluster: Fixture.cluster(), status: status, app: Fixture.app(), clusterDomain: "cluster.local",
      stamp: .forTests)
    let json = meta.json(role: "worker", member: status.roles[1].members[0])
    #expect(json["nodegroups"]?["1"]?["roles"]?["worker"]?["node_ids"] == ["2"])
  }
}

@Suite("The arguments of an installation")
struct InstallArgumentTests {
  @Test("contain URL, folder, name, octal mode and owners of each injected file")
  func files() throws {
    let file = try #require(
      FileInjection([
        "srcURL": "https://files.example/a.jar?v=2", "destDir": "/opt/jars",
        "permissions": ["fileMode": 420, "fileOwner": "spark"],
      ]))
    #expect(
      ActionExecutor.words(file)
        == ["https://files.example/a.jar?v=2", "/opt/jars", "a.jar", "644", "spark", ""])
  }
}

@Suite("The key of a script run")
struct RunKeyTests {
  @Test("is a plain file name for any arguments")
  func plain() {
    let note = Notification(
      event: .addNodes, arguments: ["--role", "worker", "--fqdns", "../../etc/passwd $(id)"], id: "7")
    let key = ActionExecutor.key(note, "embedded://abc")
    #expect(key.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) })
    #expect(!key.contains("/"))
  }

  @Test("differs by event, request, container and arguments, and distinguishes long ones by a hash")
  func distinct() {
    func key(_ event: LifecycleEvent, _ id: String, _ container: String, _ arguments: [String] = []) -> String
    {
      ActionExecutor.key(Notification(event: event, arguments: arguments, id: id), container)
    }
    let long = String(repeating: "x", count: 300)
    let keys = [
      key(.podUpgraded, "1", "c"), key(.podReverted, "1", "c"), key(.podUpgraded, "2", "c"),
      key(.podUpgraded, "1", "d"), key(.addNodes, "1", "c", [long + "a"]),
      key(.addNodes, "1", "c", [long + "b"]),
      ActionExecutor.key(
        .init(event: .addNodes, nodes: .init(role: "a", statefulSet: "c-a", ordinals: 1...3), id: "1"), "c"),
      ActionExecutor.key(
        .init(event: .addNodes, nodes: .init(role: "a", statefulSet: "c-a", ordinals: [1, 3]), id: "1"), "c"),
      ActionExecutor.key(
        .init(event: .addNodes, nodes: .init(role: "b", statefulSet: "c-b", ordinals: 1...3), id: "1"), "c"),
    ]
    #expect(Set(keys).count == keys.count)
    #expect(keys.allSatisfy { $0.utf8.count <= 120 })
  }
}
