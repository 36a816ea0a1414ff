import Foundation
import KubeDirector
import TestSupport
import Testing

@testable import Daemon

@Suite("A daemon that is killed after any of its writes", needsBubblewrap)
struct EveryWriteScenarios {
  enum Journey: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case upgrade = "an upgrade"
    case rollback = "a rollback from the middle of an upgrade"
    var testDescription: String { rawValue }
  }

  private static let pods = ["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"]

  @Test(
    "embedded: the next daemon reaches the same result, and every script runs once per container",
    arguments: Journey.allCases)
  func embedded(_ journey: Journey) async throws { try await everyWrite(of: journey, on: .embedded) }

  @Test(
    "real Kubernetes: the next daemon reaches the same result, and every script runs once per container",
    needsKubernetes,
    .enabled(
      if: ProcessInfo.processInfo.environment["KDOPS_EVERY_WRITE"] != nil,
      "skipped: it takes some ten minutes; KDOPS_EVERY_WRITE=1 runs it"), arguments: Journey.allCases)
  func kubernetes(_ journey: Journey) async throws { try await everyWrite(of: journey, on: .kubernetes) }

  /// Counts the writes of a daemon that is not killed, then kills one daemon after each of these writes.
  private func everyWrite(of journey: Journey, on backend: Backend) async throws {
    let actions = try await travel(journey, on: backend, dieAfter: nil)
    #expect(actions.count >= 16, "\(actions)")
    let died = await withTaskGroup(of: Bool.self) { deaths in
      for (index, words) in actions.enumerated() {
        deaths.addTask {
          do {
            return try await travel(journey, on: backend, dieAfter: index + 1).count == index + 1
          } catch {
            Issue.record("\(journey.rawValue), death at deed \(index + 1) (\(words)): \(error)")
            return false
          }
        }
      }
      return await deaths.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    // The number varies by a few, because two roles proceed in parallel.
    #expect(died >= actions.count - 3, "\(died) of \(actions.count) died where they should")
    print("\(journey.rawValue), \(backend.testDescription): killed at \(died) of \(actions.count) actions")
  }

  /// - Returns: the writes of the first daemon, as text.
  private func travel(_ journey: Journey, on backend: Backend, dieAfter last: Int?) async throws -> [String] {
    let fixture = Fixture(
      backend, workers: 2, .init(version: "1.0", hook: "1"), .init(version: "1.1", hook: "1"))
    let actions = Shared<[String]>([])
    try await scenario(fixture, start: false) { scene in
      let life = try Self.life(scene, last)
      try await withThrowingTaskGroup(of: Void.self) { daemons in
        daemons.addTask {
          try await Self.dies(life, scene)
          if !life.book.isEnded { try await scene.start() }
        }
        var failure: (any Error)?
        do { try await Self.go(journey, scene, life.book) } catch { failure = error }
        try life.book.end()
        try await daemons.waitForAll()
        if let failure { throw failure }
      }
      actions.value = life.book.actions
    }
    return actions.value
  }

  private static func life(_ scene: Scene, _ last: Int?) throws -> CrashPlan {
    var kubernetes: CrashPlan.Kubernetes?
    if let site = scene.site as? KubernetesSite {
      kubernetes = CrashPlan.Kubernetes(
        kubeconfig: site.kubeconfig, namespace: site.settings.namespace,
        tenants: site.settings.tenantNamespaces, systemNamespace: site.settings.systemNamespace,
        installation: site.installation)
    }
    let folder = scene.folder.path
    return CrashPlan(
      remote: scene.forge.bare.path, first: try scene.forge.first(), cluster: "\(folder)/cluster",
      kubernetes: kubernetes, folder: "\(folder)/first", book: try CrashLog(in: "\(folder)/book"), last: last
    )
  }

  /// Runs a daemon until it is killed; any other end is a failure.
  private static func dies(_ life: CrashPlan, _ scene: Scene) async throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(BuiltProgram.crashingDaemon))
    process.arguments = [String(decoding: try JSONEncoder().encode(life), as: UTF8.self)]
    let log = "\(scene.folder.path)/log-first"
    try Data().write(to: URL(fileURLWithPath: log))
    let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    defer { try? output.close() }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.start()
    // Longer than any wait inside it.
    try await eventually(within: .seconds(1200), "end of the first daemon") { process.isRunning ? nil : true }
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == SIGKILL, "\(scene.log("first"))")
  }

  private static func go(_ journey: Journey, _ scene: Scene, _ book: CrashLog) async throws {
    try await scene.configured("1.0.0")
    if journey == .upgrade { try book.open() }
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
    try book.open()
    let revert = try scene.forge.revert(commit)
    try await scene.note(revert, phase: "done")
    try await scene.configured("1.0.0")
    let events = try await scene.events("shop-worker-1")
    #expect(events == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
    #expect(try await scene.app("1.1.0") == nil)
    try await mustBeAtRest("1.0", scene)
  }

  /// Checks the state at the end, which must not depend on where daemons were killed.
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
      // A run that the replacement of its pod interrupted has no end.
      #expect(try await scene.runs(pod).last?.ended != nil, "\(pod)")
    }
  }
}
