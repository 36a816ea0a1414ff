import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Webhooks

@Suite("The listener for webhooks", .timeLimit(.minutes(5)))
struct WebhookServerTests {
  /// Counts fetches, and lets a test wait for them.
  private final class Fetches: Sendable {
    private let count = Mutex(0)
    var number: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
    func reach(_ expected: Int) async { while number < expected { await Task.yield() } }
  }

  private struct Scene: Sendable {
    var port: Int
    var client: HTTPClient
    var fetches: Fetches
    var clock: TestClock
    var secretFile: String

    func post(_ head: WebhookHandler.Head, _ body: HTTPClientRequest.Body) async throws -> UInt {
      var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(head.path)")
      request.method = .init(rawValue: head.method)
      for (name, value) in head.headers where name != "content-length" {
        request.headers.add(name: name, value: value)
      }
      request.body = body
      let response = try await client.execute(request, timeout: .seconds(30))
      _ = try await response.body.collect(upTo: 1 << 20)
      return response.status.code
    }

    /// Posts the payload of a push, and expects an answer.
    func expect(_ status: UInt, to sender: WebhookSender) async throws {
      let body = Delivery.payload(sender)
      try await expect(status, to: Delivery.head(sender, body), body)
    }

    func expect(_ status: UInt, to head: WebhookHandler.Head, _ body: [UInt8]) async throws {
      let answer = try await post(head, .bytes(body))
      #expect(answer == status)
    }
  }

  private func withServer(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let secretFile = "\(folder.path)/secret"
    try Data("\(Delivery.secret)\n".utf8).write(to: URL(filePath: secretFile))
    let (ports, announce) = AsyncStream<Int>.makeStream()
    let (fetches, clock) = (Fetches(), TestClock())
    let server = WebhookServer(
      WebhookSettings(
        address: "127.0.0.1", port: 0, secretFile: secretFile, branch: "main",
        repository: RepositoryName(path: "/team/fleet.git")), logger: .silent, clock: clock,
      onListening: { announce.yield($0) }, fetch: { fetches.add() })
    let services = ServiceGroup(services: [server], logger: .silent)
    let client = HTTPClient(eventLoopGroupProvider: .singleton)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      for await port in ports {
        do {
          try await body(
            Scene(port: port, client: client, fetches: fetches, clock: clock, secretFile: secretFile))
        } catch {
          try? await client.shutdown()
          await services.triggerGracefulShutdown()
          throw error
        }
        break
      }
      try await client.shutdown()
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }

  @Test("a push is answered with 202, and fetched at once")
  func push() async throws {
    try await withServer { scene in
      try await scene.expect(202, to: .github)
      await scene.fetches.reach(1)
    }
  }

  @Test("a burst of pushes is two fetches: one at once, and one after the interval")
  func burst() async throws {
    try await withServer { scene in
      try await scene.expect(202, to: .gitlab)
      await scene.fetches.reach(1)
      for _ in 0..<20 { try await scene.expect(202, to: .gitea) }
      #expect(scene.fetches.number == 1)
      // The timeouts of the requests sleep on the same clock for longer than the interval.
      while !scene.clock.deadlines.contains(FetchTrigger.interval) { await Task.yield() }
      scene.clock.advance(by: FetchTrigger.interval)
      await scene.fetches.reach(2)
      while !scene.clock.deadlines.contains(FetchTrigger.interval * 2) { await Task.yield() }
      scene.clock.advance(by: FetchTrigger.interval)
      try await scene.expect(202, to: .generic)
      await scene.fetches.reach(3)
      #expect(scene.fetches.number == 3)
    }
  }

  @Test("a secret that is replaced in its file counts from the next request on")
  func newSecret() async throws {
    try await withServer { scene in
      try Data("another-secret-of-it\n".utf8).write(to: URL(filePath: scene.secretFile))
      try await scene.expect(401, to: .github)
      let body = Delivery.payload(.github)
      let head = Delivery.head(.github, body, secret: "another-secret-of-it")
      try await scene.expect(202, to: head, body)
      try FileManager.default.removeItem(atPath: scene.secretFile)
      try await scene.expect(503, to: head, body)
    }
  }

  @Test("a body of unknown length is refused when it exceeds the limit")
  func largeBody() async throws {
    try await withServer { scene in
      let parts = AsyncStream<ByteBuffer> { continuation in
        for _ in 0..<20 { continuation.yield(ByteBuffer(repeating: 0x20, count: 64 << 10)) }
        continuation.finish()
      }
      let head = Delivery.head(.github, [])
      let status = try? await scene.post(head, .stream(parts, length: .unknown))
      // The server may close the connection before the client has sent everything.
      #expect(status == 413 || status == nil)
      #expect(scene.fetches.number == 0)
    }
  }

  @Test("requests log a problem with the secrets once, until it is solved")
  func loggedProblem() {
    let problem = LoggedProblem()
    let results = [false, true, true, false, true].map { problem.isNew($0) }
    #expect(results == [false, true, false, false, true])
  }

  @Test("a failed fetch does not end the listener")
  func failedFetch() async throws {
    struct Failure: Error {}
    let calls = Fetches()
    let clock = TestClock()
    let trigger = FetchTrigger(
      clock: clock, logger: .silent,
      fetch: {
        calls.add()
        throw Failure()
      })
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await trigger.run() }
      trigger()
      await calls.reach(1)
      while clock.sleeperCount == 0 { await Task.yield() }
      trigger()
      clock.advance(by: FetchTrigger.interval)
      await calls.reach(2)
      group.cancelAll()
    }
  }
}
