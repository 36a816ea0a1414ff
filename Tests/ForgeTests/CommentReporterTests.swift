import Foundation
import Logging
import Reports
import TestSupport
import Testing
import Values

@testable import Forge

@Suite("Writing outcomes into comments on merge requests", .timeLimit(.minutes(5)))
struct CommentReporterTests {
  private struct Scene: Sendable {
    var server: CommentServer
    var reporter: CommentReporter
    var clock: TestClock

    /// Waits until every outcome so far is written or given up.
    func settled() async { while await reporter.backlog > 0, !Task.isCancelled { await Task.yield() } }

    /// Waits until the reporter sleeps, and returns for how long.
    func pause() async -> Duration? {
      while !Task.isCancelled {
        if let deadline = clock.deadlines.first { return deadline - clock.now.offset }
        await Task.yield()
      }
      return nil
    }
  }

  private func open(
    _ kind: ForgeSettings.Kind, standing: (@Sendable () -> StatusStanding)? = nil,
    _ body: @Sendable (Scene) async throws -> Void
  ) async throws {
    let server = CommentServer(kind)
    let folder = try TemporaryFolder()
    let tokenFile = "\(folder.path)/token"
    try "s3cret\n".write(toFile: tokenFile, atomically: true, encoding: .utf8)
    let clock = TestClock()
    let settings = ForgeSettings(
      kind: kind, url: try await server.start(), project: "team/fleet", tokenFile: tokenFile,
      context: "kdops/default", branch: "main", comments: true)
    let reporter = CommentReporter(
      settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
      standing: standing, now: { 1_000_000 })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await reporter.run() }
      do {
        try await body(Scene(server: server, reporter: reporter, clock: clock))
      } catch {
        group.cancelAll()
        await reporter.close(within: .zero)
        await server.stop()
        throw error
      }
      group.cancelAll()
    }
    await reporter.close(within: .zero)
    await server.stop()
  }

  private static let plan = "<!-- kdops:plan -->\n### kdops plan · 1 upgrade\n"

  private static func report(_ phase: Phase, stalled: Bool = false) -> CommitReport {
    var object = ObjectReport(
      kind: "KubeDirectorCluster", namespace: "prod", name: "shop", change: .upgrade, verdict: .accepted,
      phase: phase, message: stalled ? "ErrImagePull" : nil,
      upgrade: UpgradeProgress(
        fromApp: "a-1", toApp: "a-2", isRollingBack: false, roles: [.init(id: "w", done: 1, total: 3)]))
    if stalled { object.failure = .stalled }
    return CommitReport(commit: String(repeating: "a", count: 40), objects: [object])
  }

  @Test(
    "the outcome becomes a section of the plan, which is replaced in place",
    arguments: ForgeSettings.Kind.allCases)
  func plan(_ kind: ForgeSettings.Kind) async throws {
    try await open(kind) { scene in
      scene.server.put("looks good")
      scene.server.put(Self.plan)
      await scene.reporter.report(Self.report(.upgrading))
      #expect(scene.server.seen.isEmpty)
      await scene.reporter.report(Self.report(.failed, stalled: true))
      await scene.settled()
      let stalled = scene.server.comments
      #expect(stalled.count == 2 && stalled[0] == "looks good" && stalled[1].hasPrefix(Self.plan))
      #expect(stalled[1].contains("**prod/shop** stalled: a-1 → a-2, 1 of 3 pods (ErrImagePull)"))
      await scene.reporter.report(Self.report(.done))
      await scene.settled()
      let done = scene.server.comments
      #expect(done.count == 2 && done[1].hasPrefix(Self.plan) && !done[1].contains("stalled"))
      #expect(done[1].contains("**prod/shop** done"))
      let requests = scene.server.seen.count
      await scene.reporter.report(Self.report(.done))
      #expect(await scene.reporter.backlog == 0 && scene.server.seen.count == requests)
    }
  }

  @Test("without a plan, the outcome is a comment of its own", arguments: ForgeSettings.Kind.allCases)
  func noPlan(_ kind: ForgeSettings.Kind) async throws {
    try await open(kind) { scene in
      await scene.reporter.report(Self.report(.failed, stalled: true))
      await scene.settled()
      await scene.reporter.report(Self.report(.done))
      await scene.settled()
      #expect(scene.server.comments.count == 1)
      #expect(scene.server.comments.first?.contains("**prod/shop** done") == true)
    }
  }

  @Test(
    "a plan that the token may not edit stays, and the outcome is added",
    arguments: ForgeSettings.Kind.allCases)
  func foreignPlan(_ kind: ForgeSettings.Kind) async throws {
    try await open(kind) { scene in
      scene.server.put(Self.plan, isOurs: false)
      await scene.reporter.report(Self.report(.done))
      await scene.settled()
      #expect(scene.server.comments.count == 2 && scene.server.comments.first == Self.plan)
    }
  }

  @Test("a plan on a later page is found", arguments: ForgeSettings.Kind.allCases)
  func pages(_ kind: ForgeSettings.Kind) async throws {
    try await open(kind) { scene in
      for number in 0..<150 { scene.server.put("comment \(number)") }
      scene.server.put(Self.plan)
      await scene.reporter.report(Self.report(.done))
      await scene.settled()
      #expect(scene.server.comments.count == 151)
      #expect(scene.server.comments.last?.contains("kdops:outcome") == true)
    }
  }

  @Test("a commit without a merge request gets no comment", arguments: ForgeSettings.Kind.allCases)
  func noRequest(_ kind: ForgeSettings.Kind) async throws {
    try await open(kind) { scene in
      scene.server.removeRequest()
      await scene.reporter.report(Self.report(.done))
      await scene.settled()
      #expect(scene.server.seen.count == 1 && scene.server.comments.isEmpty)
    }
  }

  @Test("a forge that is busy or refuses the token is asked again", arguments: ForgeSettings.Kind.allCases)
  func faults(_ kind: ForgeSettings.Kind) async throws {
    try await open(kind) { scene in
      scene.server.fail(502, 401)
      await scene.reporter.report(Self.report(.done))
      let first = try #require(await scene.pause())
      scene.clock.advance(by: first)
      while scene.server.seen.count < 2 { await Task.yield() }
      #expect(await scene.pause() == Duration.seconds(300))
      scene.clock.advance(by: .seconds(300))
      await scene.settled()
      #expect(scene.server.comments.count == 1)
    }
  }

  @Test("comments that are too large to read do not keep later outcomes from being written")
  func hugeComments() async throws {
    try await open(.gitlab) { scene in
      for _ in 0..<9 { scene.server.put(String(repeating: "x", count: 1_000_000)) }
      await scene.reporter.report(Self.report(.done))
      await scene.settled()
      #expect(scene.server.comments.count == 9 && scene.clock.sleeperCount == 0)
    }
  }

  @Test("a reporter that is closed writes the outcomes that are left")
  func close() async throws {
    let server = CommentServer(.github)
    let folder = try TemporaryFolder()
    let tokenFile = "\(folder.path)/token"
    try "s3cret\n".write(toFile: tokenFile, atomically: true, encoding: .utf8)
    let settings = ForgeSettings(
      kind: .github, url: try await server.start(), project: "team/fleet", tokenFile: tokenFile,
      context: "kdops/default", branch: "main", comments: true)
    let reporter = CommentReporter(
      settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: TestClock(),
      now: { 1_000_000 })
    await reporter.report(Self.report(.done))
    await reporter.close(within: .seconds(60))
    #expect(server.comments.count == 1)
    await server.stop()
  }

  @Test("the comments of another cluster are not overwritten")
  func foreignStatus() async throws {
    try await open(.gitlab, standing: { .foreign("of cluster b") }) { scene in
      await scene.reporter.report(Self.report(.done))
      #expect(await scene.pause() == Duration.seconds(300))
      #expect(scene.server.seen.isEmpty)
    }
  }
}
