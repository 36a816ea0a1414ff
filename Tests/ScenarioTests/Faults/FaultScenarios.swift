import ClusterAPI
import Foundation
import KubeDirector
import Reports
import Testing

@Suite(
  "A daemon with a faulty connection to the API server reaches the same result and repeats nothing",
  needsKubernetes,
  .enabled(
    if: ProcessInfo.processInfo.environment["KDOPS_FAULTS"] != nil,
    "skipped: they take some ten minutes; KDOPS_FAULTS=1 runs them")
)
struct FaultScenarios {
  private static let pods = ["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"]
  private static let changed = pods.dropLast()
  private let fixture = Fixture(
    .kubernetes, workers: 2, .init(version: "1.0", hook: "2"), .init(version: "1.1", hook: "2"))

  /// Runs the body with a daemon that has created the cluster over a faulty connection.
  private func withFault(
    _ fault: Fault,
    _ body: @escaping @Sendable (Scene, FaultedScene, PodRecorder) async throws -> Void
  ) async throws {
    try await scenario(fixture, start: false, judges: fault != .beginning) { scene in
      try await fault.withFault(scene) { faultedScene in
        do {
          try await PodRecorder.watch(scene) { observer in
            // The later of two equal flags wins.
            try await scene.start(["--kubeconfig", faultedScene.kubeconfig])
            try await scene.configured("1.0.0")
            try await body(scene, faultedScene, observer)
            await faultedScene.mustHaveOccurred(scene)
          }
          // While the API server can still be reached, so that the lease is released.
          _ = try await scene.daemon().stop(within: .seconds(30))
        } catch {
          throw TooLate(description: "\(error) (seed \(faultedScene.line.seededFaults.seed))")
        }
      }
    }
  }

  private func script(_ event: String, of pod: String, _ scene: Scene, hasEnded: Bool) async throws {
    try await scene.eventually("script \(event) of \(pod)") {
      try await scene.runs(pod).contains { $0.event == event && ($0.ended != nil) == hasEnded } ? true : nil
    }
  }

  /// Checks the state of a configured cluster, which must not depend on earlier faults.
  private func mustBeAtRest(_ version: String, _ scene: Scene) async throws {
    let status = try await scene.configured("\(version).0")
    #expect(status.roles.allSatisfy { $0.upgradeStatus == nil })
    #expect(
      status.members.allSatisfy {
        $0.state == .configured && $0.upgrade == nil && $0.podUpgradeStatus == nil
          && $0.detail.pendingNotifications.isEmpty && $0.detail.configError == nil
      })
    let pods = try await scene.pods()
    #expect(pods.keys.sorted() == Self.pods.sorted())
    for pod in Self.pods {
      let image = pod == "shop-gateway-0" ? fixture.gatewayImage : fixture.image("\(version).0")
      #expect(pods[pod]?.image == image, "\(pod)")
      #expect(pods[pod]?.isReady == true, "\(pod)")
      for run in try await scene.runs(pod) { #expect(run.ended != nil, "\(pod): \(run)") }
    }
    try await scene.mustHaveRunOnce(Self.pods)
    for role in ["worker", "front"] {
      try await scene.eventually("set of role \(role) at rest") {
        let strategy = try await scene.read(.statefulSets, "shop-\(role)")?.json["spec"]?["updateStrategy"]
        let partition = strategy?["rollingUpdate"]?["partition"]?.integer ?? 0
        return strategy?["type"]?.string == "RollingUpdate" && partition >= 2 ? true : nil
      }
    }
    // Only the connection was faulty, so no stall needs a person. A busy node may end a pod late, and then
    // that stall is correct.
    #expect(scene.logged("cluster.stalled").filter { !$0.contains("reason=PodNotEnded") } == [])
    #expect(scene.logged("pod.failed") == [])
  }

  @Test("a cluster is created, and upgraded by a commit", arguments: Fault.allCases)
  func upgrade(_ fault: Fault) async throws {
    try await withFault(fault) { scene, faultedScene, observer in
      for pod in Self.pods { #expect(observer.generations(pod) == 1, "\(pod)") }
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await script("pod_upgraded", of: "shop-worker-1", scene, hasEnded: false)
      await faultedScene.strike()
      let note = try await scene.note(commit, phase: "done")
      #expect(note.object("shop")?.change == .upgrade)
      try await mustBeAtRest("1.1", scene)
      for pod in ["shop-worker-0", "shop-worker-1"] {
        #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
      #expect(try await scene.events("shop-gateway-0") == ["configure 2.4"])
      for pod in Self.changed { #expect(observer.generations(pod) == 2, "\(pod)") }
      #expect(observer.generations("shop-gateway-0") == 1)
    }
  }

  @Test("a cluster is created, and rolled back during an upgrade", arguments: Fault.allCases)
  func rollback(_ fault: Fault) async throws {
    try await withFault(fault) { scene, faultedScene, observer in
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await script("pod_upgraded", of: "shop-worker-1", scene, hasEnded: true)
      let revert = try scene.forge.revert(commit)
      try await script("pod_reverted", of: "shop-worker-1", scene, hasEnded: false)
      await faultedScene.strike()
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .rollback)
      try await mustBeAtRest("1.0", scene)
      #expect(
        try await scene.events("shop-worker-1") == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
      #expect(observer.generations("shop-worker-1") == 3)
      #expect(observer.generations("shop-gateway-0") == 1)
      // How far the upgrade is in the other pods depends on timing. A claimed pod that was not replaced yet keeps
      // running, and gets the script as well. Without a volume only the runs in the last container are known.
      switch try await scene.events("shop-front-0") {
      case ["configure 1.0", "pod_reverted 1.0"]: #expect(observer.generations("shop-front-0") == 1)
      case let events:
        #expect(events == ["pod_reverted 1.0"])
        #expect((2...3).contains(observer.generations("shop-front-0")))
      }
      let events = try await scene.events("shop-worker-0")
      let generations = observer.generations("shop-worker-0")
      switch events {
      case ["configure 1.0"]: #expect(generations == 1)
      case ["configure 1.0", "pod_reverted 1.0"]: #expect((1...3).contains(generations))
      default:
        #expect(events == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
        #expect(generations == 3)
      }
      #expect(try await scene.app("1.1.0") == nil)
      #expect(scene.forge.note(commit)?.phase == "failed")
    }
  }
}
