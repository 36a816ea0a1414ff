import Testing

/// Other teams' admission webhooks that change pods; only a real API server calls them.
@Suite("A webhook that rewrites images", needsKubernetes)
struct RewritingScenarios {
  @Test("each pod of an upgrade and of its revert is replaced once, and both end")
  func mirror() async throws {
    let fixture = Fixture(
      .kubernetes, workers: 2, .init(version: "1.0"), .init(version: "1.1"), .init(version: "1.2", hook: "4"))
    try await scenario(fixture, start: false) { scene in
      try await RewritingWebhook.during(scene) {
        try await scene.start()
        try await scene.configured("1.0.0")
        try await mustRun("1.0.0", scene)
        let before = try await scene.pods()
        let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
        try await scene.note(commit, phase: "done")
        try await scene.configured("1.1.0")
        try await mustRun("1.1.0", scene)
        let upgraded = try await scene.pods()
        #expect(upgraded["shop-gateway-0"] == before["shop-gateway-0"])
        try await staying(for: .seconds(15), "the pods that were upgraded once") {
          try await scene.pods() == upgraded
        }

        let next = try scene.forge.push(fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
        try await scene.eventually("worker whose new image runs") {
          try await scene.runs("shop-worker-1").contains { $0.version == "1.2" } ? true : nil
        }
        let revert = try scene.forge.revert(next)
        try await scene.note(revert, phase: "done")
        try await scene.configured("1.1.0")
        try await mustRun("1.1.0", scene)
        #expect(try await scene.pods()["shop-worker-0"]?.uid == upgraded["shop-worker-0"]?.uid)
        #expect(try await scene.events("shop-worker-0") == ["configure 1.0", "pod_upgraded 1.1"])
        #expect(
          try await scene.events("shop-worker-1")
            == ["configure 1.0", "pod_upgraded 1.1", "pod_upgraded 1.2", "pod_reverted 1.1"])
        try await scene.mustHaveRunOnce(["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"])
      }
    }
  }

  /// The pods have the images that the webhook wrote, and the sets those that the daemon wrote.
  private func mustRun(_ version: String, _ scene: Scene) async throws {
    let image = scene.fixture.image(version)
    let pods = try await scene.pods()
    for pod in ["shop-worker-0", "shop-worker-1", "shop-front-0"] {
      #expect(pods[pod]?.image == RewritingWebhook.mirrored(image), "\(pod)")
    }
    #expect(pods["shop-gateway-0"]?.image == RewritingWebhook.mirrored(scene.fixture.gatewayImage))
    let set = try await scene.read(.statefulSets, "shop-worker")
    #expect(set?.json["spec"]?["template"]?["spec"]?["containers"]?[0]?["image"]?.string == image)
  }
}
