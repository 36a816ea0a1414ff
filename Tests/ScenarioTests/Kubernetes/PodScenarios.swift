import ClusterAPI
import KubeDirector
import Reports
import Testing
import Values

@Suite("Other clients that affect the pods", needsKubernetes)
struct PodScenarios {
  private static let pods = [
    "shop-worker-0", "shop-worker-1", "shop-worker-2", "shop-front-0", "shop-gateway-0",
  ]

  @Test(
    "pods deleted during an upgrade return with their image; only a real controller creates them again")
  func deletedPods() async throws {
    let fixture = Fixture(.kubernetes, .init(version: "1.1", hook: "6"))
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")

      try await script(of: "shop-worker-2", scene)
      let untouched = try await delete("shop-worker-0", scene)
      #expect(untouched.image == fixture.image("1.0.0"))
      #expect(try await scene.status()?.role("worker")?.members.first?.app == "web-1.0.0")

      try await script(of: "shop-worker-1", scene)
      // Before that its script for the upgrade would be due again, in place of the one for a new member.
      try await scene.eventually("role front that is upgraded") {
        try await scene.status()?.role("front")?.upgradeStatus == .upgraded ? true : nil
      }
      async let front = delete("shop-front-0", scene)
      async let worker = delete("shop-worker-2", scene)
      for upgraded in try await [front, worker] { #expect(upgraded.image == fixture.image("1.1.0")) }

      try await scene.note(commit, phase: "done")
      try await scene.configured("1.1.0")
      // With a volume, everything that a script has set up is still there.
      for pod in ["shop-worker-0", "shop-worker-1", "shop-worker-2"] {
        #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      #expect(try await scene.events("shop-front-0") == ["configure 1.1"])
      try await scene.mustHaveRunOnce(Self.pods)
    }
  }

  /// Waits until a pod is being upgraded and its script runs.
  private func script(of pod: String, _ scene: Scene) async throws {
    try await scene.eventually("script that runs in \(pod)") {
      try await scene.runs(pod).contains { $0.event == "pod_upgraded" && $0.ended == nil } ? true : nil
    }
  }

  /// Deletes a pod as `kubectl delete pod` does.
  ///
  /// - Returns: its successor, once that is ready.
  private func delete(_ pod: String, _ scene: Scene) async throws -> PodSight {
    let before = try await scene.pods()[pod]?.uid
    try await scene.site.withWriter { try await $0.delete(.pods, scene.name(pod), .none) }
    return try await scene.eventually("successor of \(pod)") {
      guard let sight = try await scene.pods()[pod], sight.uid != before, sight.isReady else { return nil }
      return sight
    }
  }

  @Test(
    "a PodDisruptionBudget that allows no disruption makes its role wait, with a reason; needs a real controller"
  )
  func budget() async throws {
    let fixture = Fixture(.kubernetes, workers: 2)
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let labels = [Wire.Label.cluster: "shop", Wire.Label.role: "worker"]
      try await scene.site.withWriter { api in
        _ = try await api.create(
          Object(
            .disruptionBudgets, namespace: fixture.namespace, name: "workers",
            content: ["spec": ["maxUnavailable": 0, "selector": ["matchLabels": JSON(labels)]]]))
      }
      try await scene.eventually("budget that has counted its pods") {
        try await scene.read(.disruptionBudgets, "workers")?.json["status"]?["expectedPods"]?.integer == 2
          ? true : nil
      }
      let before = try await scene.pods()
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("other role that is done, and word of the budget") {
        let status = try await scene.status()
        let progress = status?.condition(.progressing)
        let isWaiting =
          progress?.status == true && progress?.message.contains("PodDisruptionBudget workers") == true
        return isWaiting && status?.role("front")?.upgradeStatus == .upgraded ? true : nil
      }
      try await staying(for: .seconds(3), "workers as they were") {
        let pods = try await scene.pods()
        return ["shop-worker-0", "shop-worker-1"].allSatisfy { before[$0] == pods[$0] }
      }
      #expect(scene.forge.note(commit)?.object("shop")?.phase == .upgrading)

      try await scene.site.withWriter {
        try await $0.delete(.disruptionBudgets, scene.name("workers"), .none)
      }
      try await scene.note(commit, phase: "done")
      try await scene.configured("1.1.0")
      try await scene.mustHaveRunOnce(Self.pods)
    }
  }
}
