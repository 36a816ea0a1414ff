import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import Controller

@Suite("A cluster that requests more than is allowed")
struct TenancyTests {
  private static let name = ObjectName(namespace: EmbeddedEngine.namespace, name: "d")

  /// A cluster that was applied before the allowed lists were narrowed: stamped, but against the rules.
  private static var cluster: Object {
    let role: JSON = [
      "id": "worker", "members": 1, "resources": ["limits": ["memory": "1Gi", "cpu": "1"]],
      "serviceAccountName": "admin",
      "podAnnotations": [
        "iam.amazonaws.com/role": "admin", "kdops.dev/stamp": "x", "prometheus.io/scrape": "true",
      ],
      "podLabels": ["team": "insight", "azure.workload.identity/use": "true"],
      "env": [
        ["name": "MODE", "value": "fast"],
        ["name": "KEY", "valueFrom": ["secretKeyRef": ["name": "ledger", "key": "password"]]],
      ],
      "affinity": [
        "podAntiAffinity": [
          "requiredDuringSchedulingIgnoredDuringExecution": [
            ["namespaceSelector": [:], "topologyKey": "kubernetes.io/hostname"]
          ]
        ]
      ],
    ]
    let gateway: JSON = [
      "id": "gateway", "members": 1, "resources": ["limits": ["memory": "1Gi", "cpu": "1"]],
    ]
    var cluster = Object(
      .clusters, namespace: name.namespace, name: name.name,
      content: ["spec": ["app": "app-1.0", "roles": [role, gateway]]])
    cluster.json = Stamp.forTests.on(cluster.json)
    return cluster
  }

  @Test("does not make the engine list Secrets if none are allowed")
  func secrets() {
    #expect(!Engine.Settings().follows(.secrets) && Engine.Settings().follows(.configMaps))
    #expect(Engine.Settings(tenancy: Tenancy(secretPrefix: .prefix("app-"))).follows(.secrets))
  }

  @Test("gets pods without the disallowed fields")
  func pods() async throws {
    try await EmbeddedEngine.with { cache in
      _ = try await cache.api.create(Self.cluster)
      for _ in 0..<20 {
        try await cache.see()
        // Sets and pods changed meanwhile; the next pass observes it.
        do throws(APIError) {
          try await cache.engine.reconcile(Self.name)
        } catch {
          #expect(error.kind == .conflict)
        }
        await cache.api.settle()
      }
      let set = try await cache.api.get(
        .statefulSets, ObjectName(namespace: Self.name.namespace, name: "d-worker"))
      let template = set.json["spec"]?["template"]
      #expect(template?["metadata"]?["annotations"] == ["prometheus.io/scrape": "true"])
      #expect(template?["metadata"]?["labels"]?["team"] == "insight")
      #expect(template?["metadata"]?["labels"]?["azure.workload.identity/use"] == nil)
      let pod = template?["spec"]
      #expect(
        pod?["containers"]?[0]?["env"] == [
          ["name": "MODE", "value": "fast"], ["name": "NVIDIA_VISIBLE_DEVICES", "value": "void"],
        ])
      #expect(pod?["serviceAccountName"] == nil && pod?["automountServiceAccountToken"] == false)
      #expect(
        pod?["affinity"]?["podAntiAffinity"]?["requiredDuringSchedulingIgnoredDuringExecution"] == .array([]))
    }
  }
}
