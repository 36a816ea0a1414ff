import ClusterAPI
import KubeDirector
import Kubernetes
import Logging
import Reports
import Testing
import Values

@Suite("The namespaces in which the daemon may act", needsKubernetes)
struct TenancyScenarios {
  @Test(
    "a file for a namespace outside of tenancy changes nothing there, and RBAC would refuse it; only Kubernetes has RBAC"
  )
  func outside() async throws {
    let fixture = Fixture(.kubernetes, workers: 1)
    try await scenario(fixture) { scene in
      let site = try #require(scene.site as? KubernetesSite)
      let other = try await site.makeNamespace("-other")
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(
        [
          "apps/stray.json": fixture.app("1.1.0", namespace: other),
          "clusters/stray.yaml": fixture.cluster("stray", app: "1.1.0", namespace: other),
          Fixture.clusterPath("shop"): fixture.cluster(app: "1.0.0", workers: 2),
        ], "Grow shop, and stray")
      let note = try await scene.note(commit, "judged") {
        $0.object("shop")?.phase == .done && $0.object("stray") != nil
      }
      #expect(note.object("stray")?.verdict == .rejected)
      #expect(note.object("stray")?.rules == ["cluster/tenancy"])
      for resource in [Resource.apps, .clusters, .statefulSets, .pods, .services] {
        let found = try await site.client.list(resource, namespace: other, labels: .everything)
        #expect(found.items.isEmpty, "\(resource.plural)")
      }

      let daemon = try await site.daemonClient()
      for resource in [Resource.apps, .clusters, .statefulSets, .services] {
        let object = Object(resource, namespace: other, name: "stray", content: ["spec": [:]])
        let creation = await isForbidden { _ = try await daemon.create(object) }
        #expect(creation, "\(resource.plural)")
      }
      let pod = ObjectName(namespace: other, name: "pod")
      let exec = await isForbidden { _ = try await daemon.exec(pod, ExecRequest(command: ["true"])) }
      #expect(exec)
      await daemon.shutdown()
    }
  }

  private func isForbidden(_ call: () async throws -> Void) async -> Bool {
    do {
      try await call()
      return false
    } catch {
      return (error as? APIError)?.kind == .forbidden
    }
  }

  @Test(
    "with tenancy for all namespaces and a ClusterRoleBinding, it manages its clusters only; only Kubernetes has RBAC"
  )
  func everywhere() async throws {
    let fixture = Fixture(.kubernetes, workers: 1)
    try await scenario(fixture, start: false, tenancy: .everywhere) { scene in
      let site = try #require(scene.site as? KubernetesSite)
      let other = try await site.makeNamespace("-other")
      // Not managed: the daemon has the permission, but no reason to change it.
      let foreign = try await site.client.create(
        Object(
          .clusters, namespace: other, name: "foreign",
          content: ["spec": ["app": "web-1.0.0", "roles": []]]))
      try scene.forge.push(
        [
          "apps/other.json": fixture.app("1.0.0", namespace: other),
          "clusters/other.yaml": fixture.cluster("depot", app: "1.0.0", namespace: other),
        ], "Begin depot")
      try await scene.start()
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await scene.note(commit, phase: "done")
      try await scene.configured("1.1.0")
      let depot = try await scene.eventually("depot configured") {
        let depot = try await site.client.get(.clusters, ObjectName(namespace: other, name: "depot"))
        let status = ClusterStatus(depot.json["status"])
        return status?.state == .configured ? status : nil
      }
      #expect(depot.app == "web-1.0.0")
      #expect(try await site.client.get(.clusters, foreign.objectName).json == foreign.json)
      #expect(
        scene.forge.statusFiles() == ["\(other)/depot.yaml", "\(fixture.namespace)/shop.yaml"].sorted())
    }
  }
}
