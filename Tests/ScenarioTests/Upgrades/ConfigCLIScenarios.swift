import KubeDirector
import Testing
import Values

@Suite("configcli and configmeta.json in members", needsBubblewrap)
struct ConfigCLIScenarios {
  /// Each call that the public packages of KubeDirector make, in the form in which they make it.
  ///
  /// `macros.sh` of those packages reads the description of the node first, then services and host names; other
  /// scripts call the subcommands.
  private static let calls = #"""
    set -e
    say() { printf '%s: ' "$1"; shift; "$@"; }
    FQDN=$(bdvcli --get node.fqdn)
    ROLE=$(bdvcli --get node.role_id)
    DISTRO=$(bdvcli --get node.distro_id)
    NODEGROUP=$(bdvcli --get node.nodegroup_id)
    say fqdn echo "$FQDN"
    say role echo "$ROLE"
    say domain bdvcli --get node.domain
    say hostname bd_vcli --get node.hostname
    say depends_on bdvcli --get node.depends_on
    say cluster ccli --get cluster.name
    say version configcli --get version
    say cores configcli --get "distros.$DISTRO.$NODEGROUP.roles.$ROLE.flavor.cores"
    say memory configcli --get "distros.$DISTRO.$NODEGROUP.roles.$ROLE.flavor.memory"
    say workers configcli --get "distros.$DISTRO.$NODEGROUP.roles.worker.fqdns"
    say service configcli --get services.http
    say roles configcli --get "services.http.$NODEGROUP"
    say hosts configcli --get "services.http.$NODEGROUP.front.fqdns"
    say endpoints configcli --get "services.http.$NODEGROUP.front.endpoints"
    say id configcli namespace node id
    say distros configcli namespace distros
    say self_index configcli macro node --get_self_index
    say self_id configcli macro node --get_self_id
    say index configmacro node --get_index "$FQDN"
    say groups configcli macro nodegroup --num_nodegroups
    say local configcli --get_local_group_fqdns
    say group configcli --get_nodegroup_fqdns "$NODEGROUP"
    say all configcli --get_all_fqdns
    say choice sh -c 'configcli --get cluster.config_choice_selections.1.kerberos 2> /dev/null || echo "exit $?"'
    say tenant sh -c 'configcli --get tenant 2> /dev/null || echo "exit $?"'
    """#

  private static func said(_ event: String, _ pod: String, _ scene: Scene) async throws -> [String: String] {
    let text = try #require(try await scene.site.file("/srv/said-\(event)", in: scene.name(pod)))
    var found: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      found[String(parts[0])] = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
    }
    return found
  }

  @Test(
    "a startscript gets an answer to each call of the public packages, at first and after members were added",
    arguments: Backend.available)
  func calls(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 1, .init(version: "1.0", calls: Self.calls))
    try await scenario(fixture, fixture.shop()) { scene in
      try await scene.configured("1.0.0")
      let domain =
        "\(DerivedNames.headlessService(cluster: "shop")).\(fixture.namespace).svc.cluster.local"
      func names(_ pods: String...) -> String { pods.map { "\($0).\(domain)" }.joined(separator: ",") }
      let everyone = names("shop-front-0", "shop-gateway-0", "shop-worker-0")
      let front = names("shop-front-0")
      let ids = try #require(try await scene.status()).members
      let id = try #require(ids.first { $0.pod == "shop-front-0" }?.nodeID)
      let index = ids.count { $0.nodeID < id }
      var expected = [
        "fqdn": front, "role": "front", "domain": domain, "hostname": front, "depends_on": "",
        "cluster": "shop", "version": "7", "cores": "1", "memory": "64", "workers": names("shop-worker-0"),
        "service": "1", "roles": "front", "hosts": front, "endpoints": "http://\(front):80", "id": "\(id)",
        "distros": "example/web", "self_index": "\(index)", "self_id": "\(id)", "index": "\(index)",
        "groups": "1", "local": everyone, "group": everyone, "all": everyone, "choice": "exit 1",
        "tenant": "exit 1",
      ]
      #expect(try await Self.said("configure", "shop-front-0", scene) == expected)

      let grow = try scene.forge.push(fixture.resize(2), "Add a worker")
      _ = try await scene.note(grow, phase: "done")
      let more = names("shop-front-0", "shop-gateway-0", "shop-worker-0", "shop-worker-1")
      expected.merge(
        ["workers": names("shop-worker-0", "shop-worker-1"), "local": more, "group": more, "all": more]
      ) { $1 }
      #expect(try await Self.said("addnodes", "shop-front-0", scene) == expected)
    }
  }

  @Test(
    "members that are not notified of added and removed members find them in configmeta.json, and run no script",
    arguments: Backend.available)
  func refreshed(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 1)
    var files = fixture.shop()
    files[Fixture.appPath("1.0.0")] = fixture.app("1.0.0", events: ["configure"])
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      func workers() async throws -> Int? {
        let text = try await scene.site.file(
          "/etc/guestconfig/configmeta.json", in: scene.name("shop-front-0"))
        let json = try text.map { try JSON.parse(Array($0.utf8)) }
        return json?["nodegroups"]?["1"]?["roles"]?["worker"]?["fqdns"]?.array?.count
      }
      #expect(try await workers() == 1)
      _ = try await scene.note(try scene.forge.push(fixture.resize(2), "Add a worker"), phase: "done")
      #expect(try await workers() == 2)
      _ = try await scene.note(try scene.forge.push(fixture.resize(1), "Remove a worker"), phase: "done")
      #expect(try await workers() == 1)
      #expect(try await scene.events("shop-front-0") == ["configure 1.0"])
    }
  }
}
