import ClusterAPI
import KubeDirector
import Reports
import Testing
import Values

@Suite("Granted and used permissions on a real API server", needsKubernetes)
struct PermissionScenarios {
  @Test(
    "the full lifecycle of a cluster uses every granted permission and needs no other; only a server checks RBAC"
  )
  func life() async throws {
    let fixture = Fixture(.kubernetes, workers: 2)
    try await scenario(fixture) { scene in
      let site = try #require(scene.site as? KubernetesSite)
      try await scene.configured("1.0.0")

      // Drift is reverted and reported; a repeated report increments the event's count.
      let spec = try await scene.cluster()?.json["spec"]
      for app in ["web-8.8.8", "web-9.9.9"] {
        _ = try await site.client.patch(.clusters, scene.name("shop"), merge: ["spec": ["app": .string(app)]])
        try await scene.eventually("spec as git has it") {
          try await scene.cluster()?.json["spec"] == spec ? true : nil
        }
      }

      // A missing image, and the remediation.
      let wrong = try scene.forge.push(fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try await scene.note(wrong, phase: "failed")
      let revert = try scene.forge.revert(wrong)
      try await scene.note(revert, phase: "done")

      // Fewer members, one role less, and the app in another file.
      let fewer = try scene.forge.push(
        [
          Fixture.appPath("1.0.0"): nil, "apps/web.json": fixture.app("1.0.0"),
          Fixture.clusterPath("shop"): fixture.cluster(app: "1.0.0", workers: 1, front: nil),
        ], "Shrink shop")
      try await scene.note(fewer, phase: "done")
      try await scene.eventually("set that is gone") {
        try await scene.read(.statefulSets, "shop-front") == nil ? true : nil
      }
      // A rejected change is reported by an event on the cluster until it is fixed.
      let tooMuch = try scene.forge.push(
        [
          Fixture.appPath("1.1.0"): fixture.app("1.1.0"),
          Fixture.clusterPath("shop"): fixture.cluster(app: "1.1.0", workers: 2, front: nil),
        ], "Upgrade and grow shop")
      try await scene.note(tooMuch, phase: "rejected")
      // Services name the app that they belong to.
      let upgrade = try scene.forge.push(
        [Fixture.clusterPath("shop"): fixture.cluster(app: "1.1.0", workers: 1, front: nil)],
        "Upgrade shop alone")
      try await scene.note(upgrade, phase: "done")

      // The daemon reads what a cluster is connected to.
      let connected =
        fixture.cluster(app: "1.1.0", workers: 1, front: nil) + "  connections: {configmaps: [settings]}\n"
      try scene.forge.push([Fixture.clusterPath("shop"): connected], "Connect shop")

      // The last events may not have arrived yet.
      func unused() -> Set<Use> {
        site.settings.uses.subtracting(scene.logs.flatMap(LoggedRequest.all).map(\.use))
          .subtracting(Self.newerServers)
      }
      _ = try? await scene.eventually(within: .seconds(20), "use of everything") {
        unused().isEmpty ? true : nil
      }
      #expect(unused().sorted() == [])
    }
  }

  /// Newer servers require `create` on `pods/exec` for a websocket.
  private static let newerServers: Set<Use> = [Use(verb: "create", resource: "pods/exec")]
}
