import Foundation
import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("A daemon that is killed", needsBubblewrap)
struct DeathScenarios {
  /// When the daemon is killed.
  enum Moment: String, CaseIterable, CustomTestStringConvertible {
    case onClaim = "right after a claim"
    case whileReplaced = "while a pod is replaced"
    case duringScript = "while a script runs"
    case betweenPods = "between two pods"
    case betweenRoles = "when one role is done and the other is not"
    var testDescription: String { rawValue }
  }

  /// The moment at which the daemon is killed, and the kind of cluster.
  struct Strike: Sendable, CustomTestStringConvertible {
    var backend: Backend
    var moment: Moment
    var testDescription: String { "\(backend.testDescription), \(moment.rawValue)" }

    static let upgrades = Backend.available.flatMap { backend in
      Moment.allCases.map { Strike(backend: backend, moment: $0) }
    }
    /// On Kubernetes only the moment that leaves the most unfinished.
    static let rollbacks = upgrades.filter { $0.backend == .embedded || $0.moment == .duringScript }
  }

  private static let pods = ["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"]

  private static func slow(_ version: String, on backend: Backend = .embedded) -> Fixture.Image {
    Fixture.Image(
      version: version, pull: "2s", start: "300ms", hook: backend.pick(embedded: "1.5", kubernetes: "4"))
  }

  /// Waits for the moment in an upgrade or a rollback, and kills the daemon.
  private static func strike(_ moment: Moment, _ event: String, _ scene: Scene) async throws {
    let isUpgrade = event == "pod_upgraded"
    let step: MemberStatus.PodUpgradeStatus = isUpgrade ? .upgrading : .rollingBack
    let pod = "shop-worker-1"
    func runs() async throws -> [Run] { try await scene.runs(pod).filter { $0.event == event } }
    try await scene.eventually("moment \(moment.rawValue)") {
      let roles = try await scene.status()?.roles ?? []
      let claimed = roles.first?.members.last?.podUpgradeStatus == step
      let isThere =
        switch moment {
        case .onClaim: claimed
        case .whileReplaced:
          if claimed { try await scene.pods()[pod]?.containerID == nil } else { false }
        case .duringScript: try await runs().contains { $0.ended == nil }
        case .betweenPods: try await runs().contains { $0.ended != nil }
        case .betweenRoles:
          Set(roles.compactMap(\.upgradeStatus))
            == (isUpgrade ? [.upgrading, .upgraded] : [.rollingBack, .rolledBack])
        }
      return isThere ? true : nil
    }
    try await scene.kill()
  }

  @Test(
    "after a kill during an upgrade the next daemon completes it; each script runs once per container",
    arguments: Strike.upgrades)
  func upgrade(_ strike: Strike) async throws {
    try await scenario(Fixture(strike.backend, workers: 2, Self.slow("1.1", on: strike.backend))) { scene in
      try await scene.configured("1.0.0")
      let gateway = try await scene.pods()["shop-gateway-0"]
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await Self.strike(strike.moment, "pod_upgraded", scene)
      try await scene.start()
      let note = try await scene.note(commit, phase: "done")
      try await scene.configured("1.1.0")
      #expect(note.object("shop")?.change == .upgrade)
      for pod in ["shop-worker-0", "shop-worker-1"] {
        #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
      try await scene.mustHaveRunOnce(Self.pods)
      #expect(try await scene.pods()["shop-gateway-0"] == gateway)
    }
  }

  @Test(
    "after a kill during a rollback the next daemon completes it; each script runs once per container",
    arguments: Strike.rollbacks)
  func rollback(_ strike: Strike) async throws {
    let backend = strike.backend
    let fixture = Fixture(
      backend, workers: 2, Self.slow("1.0", on: backend), Self.slow("1.1", on: backend))
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("worker whose new image runs") {
        try await scene.runs("shop-worker-1").contains { $0.event == "pod_upgraded" } ? true : nil
      }
      let revert = try scene.forge.revert(commit)
      try await Self.strike(strike.moment, "pod_reverted", scene)
      try await scene.start()
      let note = try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(note.object("shop")?.change == .rollback)
      #expect(
        try await scene.events("shop-worker-1") == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
      try await scene.mustHaveRunOnce(Self.pods)
      #expect(try await scene.app("1.1.0") == nil)
      #expect(try await scene.status()?.members.allSatisfy { $0.upgrade == nil } == true)
    }
  }

  @Test("after many kills during one upgrade the result is the same")
  func manyDeaths() async throws {
    try await scenario(Fixture(.embedded, workers: 2, Self.slow("1.1"))) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      for moment in [Moment.onClaim, .whileReplaced, .duringScript, .betweenPods] {
        try await Self.strike(moment, "pod_upgraded", scene)
        try await scene.start()
      }
      try await scene.note(commit, phase: "done")
      for pod in ["shop-worker-0", "shop-worker-1"] {
        #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      try await scene.mustHaveRunOnce(Self.pods)
    }
  }

  @Test(
    "after kills at random moments of an upgrade and its revert the result is the same",
    arguments: [1, 2, 3] as [UInt64])
  func randomDeaths(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    try await scenario(Fixture(.embedded, workers: 2, Self.slow("1.0"), Self.slow("1.1"))) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      var head = commit
      for pass in 0..<8 {
        // This sleep waits for no condition: every moment is equally good.
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...1500, using: &random)))
        try await scene.kill()
        if pass == 4, try await scene.status()?.upgradeInfo != nil { head = try scene.forge.revert(commit) }
        try await scene.start()
      }
      try await scene.note(head, phase: "done")
      try await scene.configured(head == commit ? "1.1.0" : "1.0.0")
      try await scene.mustHaveRunOnce(Self.pods)
      for pod in Self.pods.dropLast() {
        let events = try await scene.events(pod).drop { $0 == "configure 1.0" }
        #expect(
          head == commit
            ? events == ["pod_upgraded 1.1"]
            : [[], ["pod_reverted 1.0"], ["pod_upgraded 1.1", "pod_reverted 1.0"]].contains(Array(events)),
          "\(pod)")
      }
      #expect(try await scene.events("shop-gateway-0") == ["configure 2.4"])
    }
  }

  @Test("after a kill before it has read any state, the next daemon creates the cluster once")
  func duringCreation() async throws {
    try await scenario(Fixture(.embedded, workers: 2)) { scene in
      try await scene.eventually("pod of the cluster") { try await scene.cluster() == nil ? nil : true }
      try await scene.kill()
      try await scene.start()
      try await scene.note(try scene.forge.first(), phase: "done")
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
      try await scene.mustHaveRunOnce(Self.pods)
    }
  }

  @Test("on SIGTERM the daemon stops within five seconds, also during a script; the next daemon continues")
  func termination() async throws {
    try await scenario(Fixture(.embedded, workers: 1, .init(version: "1.1", hook: "8"))) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("script that runs") {
        try await scene.runs("shop-worker-0").contains { $0.event == "pod_upgraded" && $0.ended == nil }
          ? true : nil
      }
      #expect(try await scene.daemon().stop(within: .seconds(5)) == 0)
      // Its last reports have been written.
      #expect(scene.forge.note(commit)?.object("shop")?.phase == .upgrading)
      try await scene.start()
      try await scene.note(commit, phase: "done")
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0", "pod_upgraded 1.1"])
      #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
    }
  }
}
