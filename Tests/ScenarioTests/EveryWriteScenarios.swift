import ClusterAPI
import EmbeddedCluster
import Foundation
import GitStore
import KubeDirector
import Kubernetes
import Logging
import Rules
import TestSupport
import Testing

@testable import Daemon

@Suite("A daemon that dies at any of its writes", needsBubblewrap)
struct EveryWriteScenarios {
  enum Journey: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case upgrade = "an upgrade"
    case rollback = "a rollback from the middle of an upgrade"
    var testDescription: String { rawValue }
  }

  private static let pods = ["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"]
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test(
    "is followed by one that brings the cluster to the same end, every script once a container",
    arguments: Journey.allCases)
  func embedded(_ journey: Journey) async throws { try await everyWrite(of: journey, on: .embedded) }

  @Test(
    "also on a real Kubernetes", needsKubernetes,
    .enabled(
      if: ProcessInfo.processInfo.environment["KDOPS_EVERY_WRITE"] != nil,
      "skipped: it takes some ten minutes; KDOPS_EVERY_WRITE=1 runs it"), arguments: Journey.allCases)
  func kubernetes(_ journey: Journey) async throws { try await everyWrite(of: journey, on: .kubernetes) }

  /// Counts the writes of a daemon that lives, then kills one at each of them.
  private func everyWrite(of journey: Journey, on backend: Backend) async throws {
    let writes = try await travel(journey, on: backend, dieAfter: nil)
    #expect(writes.count >= 12, "\(writes)")
    await withDiscardingTaskGroup { deaths in
      for (index, words) in writes.enumerated() {
        deaths.addTask {
          do {
            _ = try await travel(journey, on: backend, dieAfter: index + 1)
          } catch {
            Issue.record("\(journey.rawValue), death after write \(index + 1) (\(words)): \(error)")
          }
        }
      }
    }
    print("\(journey.rawValue), \(backend.testDescription): a death at each of \(writes.count) writes")
  }

  /// - Returns: what the first daemon wrote, in words.
  private func travel(_ journey: Journey, on backend: Backend, dieAfter last: Int?) async throws -> [String] {
    let written = Shared<[String]>([])
    let fixture = Fixture(
      backend, workers: 2, .init(version: "1.0", hook: "1"), .init(version: "1.1", hook: "1"))
    try await scenario(fixture, start: false) { scene in
      try await Self.withCluster(scene) { api in
        let mortal = Mortal(api, dieAfter: last)
        try await Self.withDaemons(scene, mortal, then: api) {
          try await scene.configured("1.0.0")
          try await Self.go(journey, scene, mortal)
        }
        let writes = mortal.writes
        written.value = writes
        if last != nil { #expect(!mortal.isAlive || writes.count < last ?? 0) }
      }
    }
    return written.value
  }

  private static func go(_ journey: Journey, _ scene: Scene, _ mortal: Mortal) async throws {
    if journey == .upgrade { mortal.count() }
    let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
    guard journey == .rollback else {
      try await scene.note(commit, phase: "done")
      try await scene.configured("1.1.0")
      for pod in pods.dropLast(2) {
        let events = try await scene.events(pod)
        #expect(events == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
      return try await mustBeAtRest("1.1", scene)
    }
    try await scene.eventually("worker whose new image runs") {
      try await scene.runs("shop-worker-1").contains { $0.event == "pod_upgraded" } ? true : nil
    }
    mortal.count()
    let revert = try scene.forge.revert(commit)
    try await scene.note(revert, phase: "done")
    try await scene.configured("1.0.0")
    let events = try await scene.events("shop-worker-1")
    #expect(events == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
    #expect(try await scene.app("1.1.0") == nil)
    try await mustBeAtRest("1.0", scene)
  }

  /// What holds at the end, whoever died on the way.
  private static func mustBeAtRest(_ version: String, _ scene: Scene) async throws {
    let status = try #require(try await scene.status())
    #expect(status.members.allSatisfy { $0.state == .configured && $0.upgrade == nil })
    let pods = try await scene.pods()
    #expect(pods.keys.sorted() == Self.pods.sorted())
    for pod in Self.pods.dropLast() {
      #expect(pods[pod]?.image == scene.fixture.image("\(version).0"), "\(pod)")
      #expect(pods[pod]?.isReady == true, "\(pod)")
    }
    #expect(try await scene.events("shop-gateway-0") == ["configure 2.4"])
    try await scene.mustHaveRunOnce(Self.pods)
    for pod in Self.pods {
      // One that was cut short by its pod's replacement has no end.
      #expect(try await scene.runs(pod).last?.ended != nil, "\(pod)")
    }
  }

  // MARK: Daemons in this process

  /// The port to the scene's cluster, which runs for as long as the body does.
  private static func withCluster(
    _ scene: Scene, _ body: @escaping @Sendable (any ClusterAPI) async throws -> Void
  ) async throws {
    if let site = scene.site as? KubernetesSite {
      let client = try await KubernetesClient.connect(
        ConnectionOptions(kubeconfig: site.kubeconfig), logger: logger)
      let ended: Result<Void, any Error>
      do { ended = .success(try await body(client)) } catch { ended = .failure(error) }
      await client.shutdown()
      return try ended.get()
    }
    let site = try #require(scene.site as? EmbeddedSite)
    try FileManager.default.createDirectory(atPath: site.directory, withIntermediateDirectories: true)
    let repository = try await GitRepository.open(path: scene.forge.bare.path)
    let head = try #require(ObjectID(hex: try scene.forge.first()))
    let cluster = try await EmbeddedCluster.open(
      directory: site.directory, sandbox: .bubblewrap,
      catalog: try await GitImages().catalog(at: head, in: repository), logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await cluster.run() }
      try await body(cluster)
      group.cancelAll()
    }
  }

  /// Runs a daemon that may die, and when it has died another one that does not.
  private static func withDaemons(
    _ scene: Scene, _ mortal: Mortal, then api: any ClusterAPI, _ body: () async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await withThrowingTaskGroup(of: Void.self) { first in
          let daemon = try await Self.daemon(scene, "first", mortal) { mortal.isAlive }
          first.addTask {
            // How the dead end is nobody's business.
            do { _ = try await daemon.run() } catch { if mortal.isAlive { throw error } }
          }
          await mortal.died()
          first.cancelAll()
        }
        guard !mortal.isAlive else { return }
        _ = try await Self.daemon(scene, "second", api) { true }.run()
      }
      try await body()
      group.cancelAll()
    }
  }

  private static func daemon(
    _ scene: Scene, _ name: String, _ api: any ClusterAPI, leads: @escaping @Sendable () -> Bool
  ) async throws -> Daemon {
    var options = Daemon.Options(
      remote: try Remote(GitURL(scene.forge.bare.path)), folder: "\(scene.folder.path)/\(name)")
    options.interval = .milliseconds(300)
    var home: String?
    if let site = scene.site as? KubernetesSite {
      home = site.settings.namespace
      options.policy = Policy(
        tenancy: Tenancy(namespaces: site.settings.tenantNamespaces),
        systemNamespace: site.settings.systemNamespace, installation: site.installation)
    }
    return try await Daemon.open(options, on: .kubernetes(api), home: home, logger: logger, leads: leads)
  }
}
