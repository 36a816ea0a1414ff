import KubeDirector
import Testing
import Values

@Suite("A cluster restricted by an administrator's allowed lists")
struct TenancyTests {
  private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
  private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"

  /// A cluster whose one role requests every field that must be listed, and a counterpart for each that need
  /// not be.
  private static let cluster = Cluster(
    metadata: Metadata(name: "analytics", namespace: "prod"),
    spec: ClusterSpec([
      "app": "spark", "serviceType": "LoadBalancer",
      "connections": ["secrets": ["ledger-keys", "insight-keys"], "configmaps": ["site"]],
      "roles": [
        [
          "id": "worker", "serviceAccountName": "admin",
          "podLabels": ["team": "insight", "azure.workload.identity/use": "true"],
          "podAnnotations": [
            "prometheus.io/scrape": "true", "kdops.dev/stamp": "x",
            "container.apparmor.security.beta.kubernetes.io/app": "unconfined",
          ],
          "serviceLabels": ["app.kubernetes.io/name": "spark", "example.com/public": "true"],
          "serviceAnnotations": ["external-dns.alpha.kubernetes.io/hostname": "bank.example"],
          "env": [
            ["name": "MODE", "value": "fast"],
            ["name": "KEY", "valueFrom": ["secretKeyRef": ["name": "insight-keys", "key": "a"]]],
            ["name": "OTHER", "valueFrom": ["secretKeyRef": ["name": "ledger-keys", "key": "a"]]],
            ["name": "SITE", "valueFrom": ["configMapKeyRef": ["name": "site", "key": "a"]]],
            ["name": "IP", "valueFrom": ["fieldRef": ["fieldPath": "status.podIP"]]],
            [
              "name": "BOTH",
              "valueFrom": ["fieldRef": ["fieldPath": "x"], "secretKeyRef": ["name": "ledger-keys"]],
            ],
          ],
          "affinity": [
            "nodeAffinity": ["any": 1],
            "podAntiAffinity": [
              required: [
                ["namespaces": ["ledger"], "topologyKey": "a"], ["namespaces": ["prod"], "topologyKey": "b"],
                ["namespaceSelector": [:], "topologyKey": "c"], ["topologyKey": "d"],
              ],
              preferred: [
                ["weight": 1, "podAffinityTerm": ["namespaces": "ledger", "topologyKey": "e"]],
                ["weight": 2, "podAffinityTerm": ["topologyKey": "f"]],
              ],
            ],
          ],
        ]
      ],
    ]))

  private func topologies(_ role: ClusterRole) -> [String?] {
    let terms = role.affinity.map(PodAffinity.terms) ?? []
    return terms.map { $0.content["topologyKey"]?.string }
  }

  @Test("keeps only fields that need no list")
  func restricted() throws {
    let spec = Self.cluster.restricted(to: Tenancy()).spec
    let role = try #require(spec.roles.first)
    #expect(spec.serviceType == nil && spec.connections.secrets.isEmpty)
    #expect(spec.connections.configMaps == ["site"])
    #expect(role.serviceAccountName == nil)
    #expect(role.podLabels == ["team": "insight"])
    #expect(role.podAnnotations == ["prometheus.io/scrape": "true"])
    #expect(role.serviceLabels == ["app.kubernetes.io/name": "spark"])
    #expect(role.serviceAnnotations.isEmpty)
    #expect(role.env.map(\.name) == ["MODE", "IP"])
    #expect(topologies(role) == ["b", "d", "f"])
    #expect(role.affinity?["nodeAffinity"] == ["any": 1])
    #expect(spec.raw == Self.cluster.spec.raw)
  }

  @Test("keeps listed fields as well")
  func listed() throws {
    let spec = Self.cluster.restricted(
      to: Tenancy(
        serviceAccounts: ["admin"], secretPrefix: NamePrefix("insight-*"), configMapPrefix: .any,
        affinityNamespaces: ["ledger"], serviceTypes: ["ClusterIP", "LoadBalancer"],
        podLabels: ["azure.workload.identity/use"], podAnnotations: [],
        serviceAnnotations: ["external-dns.alpha.kubernetes.io/*"])
    ).spec
    let role = try #require(spec.roles.first)
    #expect(spec.serviceType == "LoadBalancer" && spec.connections.secrets == ["insight-keys"])
    #expect(role.serviceAccountName == "admin")
    #expect(role.podLabels == ["team": "insight", "azure.workload.identity/use": "true"])
    #expect(role.podAnnotations.isEmpty)
    #expect(role.serviceAnnotations.count == 1)
    #expect(role.env.map(\.name) == ["MODE", "KEY", "SITE", "IP"])
    // A value that is not a list of names does not match.
    #expect(topologies(role) == ["a", "b", "d", "e", "f"])
  }

  @Test("keeps everything but kdops' own keys if everything is allowed")
  func unlimited() throws {
    let role = try #require(Self.cluster.restricted(to: .unlimited).spec.roles.first)
    var expected = Self.cluster.spec.roles[0]
    expected.podAnnotations["kdops.dev/stamp"] = nil
    #expect(role == expected)
  }

  @Test("keeps the listed capabilities")
  func capabilities() {
    let app = AppSpec(["capabilities": ["SYS_ADMIN", "IPC_LOCK"]])
    #expect(app.restricted(to: Tenancy()).capabilities.isEmpty)
    #expect(app.restricted(to: Tenancy(capabilities: ["IPC_LOCK"])).capabilities == ["IPC_LOCK"])
  }

  @Test(
    "keeps plain keys always, keys with a domain if listed, and kdops' own keys never",
    arguments: [
      ("team", true), ("my_team-2", true), ("example.com/team", true), ("example.com/", true),
      ("example.community/team", false), ("other.example/team", false), ("io.example.option", false),
      ("exact.example/key", true), ("exact.example/key2", false), ("kdops.dev/x", false),
      ("sub.kdops.dev/x", false), ("notkdops.dev/x", false), ("kubedirector.hpe.com/x", false),
      // Canonically equivalent to a plain key, but a different key to Kubernetes.
      ("te\u{301}am", false),
    ])
  func keys(key: String, isAllowed: Bool) {
    let list: KeyList = ["example.com/*", "exact.example/key", "kdops.dev/*"]
    #expect(list.allows(key) == isAllowed)
  }

  @Test("keeps no names with an empty prefix, and all names with `*`")
  func prefixes() {
    #expect(!NamePrefix("").allows("keys") && !NamePrefix("").allows(""))
    #expect(NamePrefix("*").allows("keys"))
    #expect(NamePrefix("app-").allows("app-keys") && !NamePrefix("app-").allows("other-app-keys"))
    #expect(NamePrefix("app-*") == NamePrefix("app-"))
  }
}
