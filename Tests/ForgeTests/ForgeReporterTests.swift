import Foundation
import GitStore
import Logging
import Reports
import Synchronization
import TestSupport
import Testing
import Values

@testable import Forge

@Suite("Reporting commit statuses to a forge", .timeLimit(.minutes(5)))
struct ForgeReporterTests {
  /// A forge, a reporter that writes to it, and the reporter's log.
  private final class ReporterFixture: Sendable {
    let server: ForgeServer
    let reporter: ForgeReporter
    let clock = TestClock()
    let log = Log()
    let tokenFile: String
    private let folder: TemporaryFolder

    init(
      _ kind: ForgeSettings.Kind, _ server: ForgeServer, _ url: String,
      standing: (@Sendable () -> StatusStanding)? = nil
    ) throws {
      self.server = server
      folder = try TemporaryFolder()
      tokenFile = "\(folder.path)/token"
      try "s3cret\n".write(toFile: tokenFile, atomically: true, encoding: .utf8)
      let log = log
      reporter = ForgeReporter(
        ForgeSettings(
          kind: kind, url: url, project: "team/fleet", tokenFile: tokenFile, context: "kdops/default",
          branch: "main"),
        logger: Logger(label: "test") { _ in log }, clock: clock, standing: standing, now: { 1_000_000 },
        backoff: Backoff(first: .seconds(1), limit: .seconds(60)))
    }

    /// Waits until every report so far is delivered or given up.
    func settled() async {
      await until { await self.reporter.backlog == 0 ? true : nil }
    }

    /// Waits until the reporter sleeps, and returns for how long.
    func pause() async -> Duration? {
      await until { self.clock.deadlines.first.map { $0 - self.clock.now.offset } }
    }
  }

  /// Captures the log.
  private final class Log: LogHandler, Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }
    var metadata: Logger.Metadata {
      get { [:] }
      set {}
    }
    var logLevel: Logger.Level {
      get { .trace }
      set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
      get { nil }
      set {}
    }
    func log(event: LogEvent) {
      kept.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
  }

  private static func open(
    _ kind: ForgeSettings.Kind, standing: (@Sendable () -> StatusStanding)? = nil,
    _ body: @Sendable (ReporterFixture) async throws -> Void
  ) async throws {
    let server = ForgeServer(kind)
    let url = try await server.start()
    let post = try ReporterFixture(kind, server, url, standing: standing)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await post.reporter.run() }
      do {
        try await body(post)
      } catch {
        group.cancelAll()
        await post.reporter.close()
        await server.stop()
        throw error
      }
      group.cancelAll()
    }
    await post.reporter.close()
    await server.stop()
  }

  private static func commit(_ number: Int) -> String {
    String(repeating: "0", count: 40 - "\(number)".count) + "\(number)"
  }

  private static func report(_ phase: Phase, _ message: String? = nil, _ number: Int = 1) -> CommitReport {
    CommitReport(
      commit: commit(number),
      objects: [
        ObjectReport(
          kind: "KubeDirectorCluster", namespace: "prod", name: "shop", change: .upgrade,
          verdict: .accepted, phase: phase, message: message)
      ])
  }

  @Test(
    "each phase is reported as the forge's own state, in order",
    arguments: ForgeSettings.Kind.allCases)
  func phases(_ kind: ForgeSettings.Kind) async throws {
    try await Self.open(kind) { post in
      for phase in [Phase.pending, .upgrading, .failed, .rollingBack, .done] {
        await post.reporter.report(Self.report(phase, phase == .failed ? "ErrImagePull" : nil))
        await post.settled()
      }
      let states = post.server.states(Self.commit(1))
      if kind == .gitlab {
        #expect(
          states == [
            "pending: pending: prod/shop", "running: upgrading: prod/shop",
            "failed: failed: prod/shop (ErrImagePull)", "running: rolling back: prod/shop",
            "success: done: prod/shop",
          ])
        #expect(post.server.posts.first?.body?["ref"]?.string == "main")
      } else {
        #expect(
          states == [
            "pending: pending: prod/shop", "failure: failed: prod/shop (ErrImagePull)",
            "pending: rolling back: prod/shop", "success: done: prod/shop",
          ])
      }
      #expect(post.server.posts.allSatisfy { $0.body?["context"]?.string == "kdops/default" })
    }
  }

  @Test(
    "an unchanged status is not reported again, by this daemon or the next one",
    arguments: ForgeSettings.Kind.allCases)
  func onlyChanges(_ kind: ForgeSettings.Kind) async throws {
    let server = ForgeServer(kind)
    let url = try await server.start()
    for _ in 0..<2 {
      let post = try ReporterFixture(kind, server, url)
      await withTaskGroup { group in
        group.addTask { await post.reporter.run() }
        for phase in [Phase.done, .done] {
          await post.reporter.report(Self.report(phase))
          await post.settled()
        }
        group.cancelAll()
      }
      await post.reporter.close()
    }
    #expect(server.states(Self.commit(1)) == ["success: done: prod/shop"])
    #expect(server.posts.count == 1)
    await server.stop()
  }

  @Test("the state of another installation is ignored")
  func others() async throws {
    try await Self.open(.github) { post in
      post.server.put(
        Self.commit(1),
        ["id": 7, "context": "kdops/other", "state": "success", "description": "done: prod/shop"])
      await post.reporter.report(Self.report(.done))
      await post.settled()
      #expect(post.server.states(Self.commit(1)).count == 2)
    }
  }

  @Test("a description is at most as long as the forge allows", arguments: ForgeSettings.Kind.allCases)
  func length(_ kind: ForgeSettings.Kind) async throws {
    try await Self.open(kind) { post in
      await post.reporter.report(Self.report(.failed, String(repeating: "x", count: 300)))
      await post.settled()
      let state = try #require(post.server.states(Self.commit(1)).first)
      #expect(state.hasSuffix("…") || kind == .gitlab)
      #expect(post.server.posts.count == 1)
    }
  }

  @Test(
    "a request that a busy or broken forge refuses is retried after its Retry-After, without blocking other work",
    arguments: [
      (ForgeServer.Fault(code: 429, headers: ["Retry-After": "17"]), 17),
      (ForgeServer.Fault(code: 503, headers: ["Retry-After": "99999"]), 3600),
      (
        ForgeServer.Fault(
          code: 403, headers: ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000040"]), 40
      ),
      (ForgeServer.Fault(code: 500), nil), (ForgeServer.Fault(code: 409), nil),
    ])
  func later(_ fault: ForgeServer.Fault, _ seconds: Int?) async throws {
    try await Self.open(.github) { post in
      post.server.fail(fault)
      await post.reporter.report(Self.report(.pending))
      let pause = try #require(await post.pause())
      if let seconds { #expect(pause == .seconds(seconds)) } else { #expect(pause <= .seconds(1)) }
      // In the meantime the newest state replaces the older one.
      await post.reporter.report(Self.report(.done))
      post.clock.advance(by: pause)
      await post.settled()
      #expect(post.server.states(Self.commit(1)) == ["success: done: prod/shop"])
    }
  }

  @Test("statuses of another cluster are not overwritten, and the log says how both can have their own")
  func otherCluster() async throws {
    let foreign = Mutex(true)
    let refusal = GitError(
      .otherWriter, "it holds the status of another cluster", hint: "--installation NAME")
    let standing = { @Sendable in
      foreign.withLock { $0 ? StatusStanding.foreign("\(refusal)") : .own }
    }
    try await Self.open(.gitlab, standing: standing) { post in
      await post.reporter.report(Self.report(.done))
      #expect(await post.pause() == .seconds(300))
      #expect(post.server.states(Self.commit(1)).isEmpty && post.server.posts.isEmpty)
      #expect(post.log.lines.contains { $0.contains("kdops/default") && $0.contains("--installation NAME") })
      foreign.withLock { $0 = false }
      post.clock.advance(by: .seconds(300))
      await post.settled()
      #expect(post.server.states(Self.commit(1)) == ["success: done: prod/shop"])
    }
  }

  @Test("the reporter waits half a minute for the first publication, which shows the statuses' owner")
  func unknownOwner() async throws {
    try await Self.open(.gitlab, standing: { .unknown }) { post in
      await post.reporter.report(Self.report(.done))
      for _ in 0..<30 {
        #expect(await post.pause() == .seconds(1))
        #expect(post.server.posts.isEmpty)
        post.clock.advance(by: .seconds(1))
      }
      await post.settled()
      #expect(post.server.states(Self.commit(1)) == ["success: done: prod/shop"])
    }
  }

  @Test("an unknown token is logged once, and a rotated one is used")
  func rotation() async throws {
    try await Self.open(.gitlab) { post in
      post.server.set(token: "n3w")
      await post.reporter.report(Self.report(.done))
      for _ in 0..<2 {
        let pause = try #require(await post.pause())
        #expect(pause == .seconds(300))
        post.clock.advance(by: pause)
      }
      _ = await post.pause()
      try "n3w\n".write(toFile: post.tokenFile, atomically: true, encoding: .utf8)
      post.clock.advance(by: .seconds(300))
      await post.settled()
      #expect(post.server.states(Self.commit(1)) == ["success: done: prod/shop"])
      #expect(post.log.lines.count { $0.contains("forge.refused") } == 1)
      #expect(post.log.lines.first { $0.contains("forge.refused") }?.contains("forge.tokenFile") == true)
    }
  }

  @Test("a missing project is logged once, and no commit is retried for it")
  func missing() async throws {
    try await Self.open(.github) { post in
      for number in 1...3 {
        post.server.fail(.init(code: 404), .init(code: 404))
        await post.reporter.report(Self.report(.done, nil, number))
        await post.settled()
      }
      #expect(post.server.posts.count == 3)
      #expect(post.log.lines.count { $0.contains("forge.refused") } == 1)
    }
  }

  @Test("no token and no credentials of an address are logged")
  func secrets() async throws {
    try await Self.open(.gitlab) { post in
      post.server.fail(.init(code: 418), .init(code: 418))
      await post.reporter.report(Self.report(.done))
      await post.settled()
      #expect(post.log.lines.contains { $0.contains("it answers 418") })
      #expect(post.log.lines.allSatisfy { !$0.contains("me:pw") })
    }
  }

  @Test(
    "of too many commits the oldest are omitted, and the newest is reported first, in any order of arrival")
  func bounded() {
    var queue = ForgeQueue()
    for number in [Int](100..<200) + [Int](0..<100) {
      queue.put(CommitState(Self.report(.pending, nil, number)), of: Int64(number))
    }
    #expect(queue.count == ForgeQueue.limit)
    var order: [String] = []
    while let next = queue.first {
      order.append(next.commit)
      queue.remove(next)
    }
    #expect(order == (0..<ForgeQueue.limit).map { Self.commit(199 - $0) })
  }

  @Test("an upgrade that waits again stays running at GitLab, and its end is reported")
  func waitsAgain() async throws {
    try await Self.open(.gitlab) { post in
      for phase in [Phase.upgrading, .waiting, .upgrading, .failed, .done] {
        await post.reporter.report(Self.report(phase))
        await post.settled()
      }
      #expect(
        post.server.states(Self.commit(1)).map { String($0.prefix { $0 != ":" }) }
          == ["running", "failed", "success"])
      #expect(!post.log.lines.contains { $0.contains("forge.refused") })
    }
  }

  @Test(
    "a forge may be below a path of its host",
    arguments: [
      (
        ForgeSettings.Kind.github, "https://ghe.example/api/v3/",
        "https://ghe.example/api/v3/repos/team/fleet/"
      ),
      (.gitlab, "https://dev.example/gitlab", "https://dev.example/gitlab/api/v4/projects/team%2Ffleet/"),
    ])
  func basePath(_ kind: ForgeSettings.Kind, _ url: String, _ root: String) {
    let settings = ForgeSettings(
      kind: kind, url: url, project: "team/fleet", tokenFile: "/t", context: "kdops/default", branch: "main")
    let state = CommitState(Self.report(.done))
    #expect(settings.report(state, token: "t").url == "\(root)statuses/\(state.commit)")
    #expect(settings.ask(state.commit, token: "t").url.hasPrefix(root))
  }

  @Test("an address must be encrypted or local")
  func addresses() {
    for url in [
      "https://gitlab.example", "https://gitlab.example/git/api/v4", "http://localhost:8080",
      "http://127.0.0.1:80", "http://[::1]:80",
    ] { #expect(ForgeSettings.problem(url: url) == nil, "\(url)") }
    for url in [
      "http://gitlab.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "ftp://x",
      "x",
      "https://me:pw@gitlab.example", "https://", "https://a b", "https://x/?y", "http://127.0.0",
    ] { #expect(ForgeSettings.problem(url: url) != nil, "\(url)") }
    #expect(ForgeSettings.problem(project: "team/fleet", .github) == nil)
    #expect(ForgeSettings.problem(project: "a/b/c", .gitlab) == nil)
    #expect(ForgeSettings.problem(project: "42", .gitlab) == nil)
    for project in ["fleet", "a/b/c", "a/..", "a/b?x", "/a"] {
      #expect(ForgeSettings.problem(project: project, .github) != nil, "\(project)")
    }
  }
}

/// Polls until a value is available; returns nil if the task is cancelled.
@discardableResult
private func until<Value: Sendable>(_ look: () async -> Value?) async -> Value? {
  while !Task.isCancelled {
    if let found = await look() { return found }
    await Task.yield()
  }
  return nil
}
