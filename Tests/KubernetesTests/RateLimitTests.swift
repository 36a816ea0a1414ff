import ClusterAPI
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("The shared rate limit")
struct RateLimitTests {
  private let clock = TestClock()
  private var limit: RateLimit {
    RateLimit(perSecond: 10, burst: 3, time: Timekeeper(clock, wall: { 0 }))
  }

  private func sleepers(_ count: Int) async {
    while clock.sleeperCount != count { await Task.yield() }
  }

  @Test("a burst passes at once, further requests wait")
  func burst() async throws {
    let limit = limit
    for _ in 0..<3 { try await limit.take() }
    #expect(clock.sleeperCount == 0)
    let passed = Recorder<Int>()
    try await withThrowingTaskGroup { group in
      for index in 0..<2 {
        group.addTask {
          try await limit.take()
          passed.add(index)
        }
        await sleepers(index + 1)
      }
      clock.advance(by: .milliseconds(99))
      #expect(passed.all.isEmpty)
      clock.advance(by: .milliseconds(1))
      await sleepers(1)
      try await group.next()
      #expect(passed.all == [0])
      clock.advance(by: .milliseconds(100))
      try await group.next()
      #expect(passed.all == [0, 1])
    }
  }

  @Test("tokens are refilled over time, up to the burst")
  func refill() async throws {
    let limit = limit
    for _ in 0..<3 { try await limit.take() }
    clock.advance(by: .seconds(60))
    for _ in 0..<3 { try await limit.take() }
    let waiting = Task { try await limit.take() }
    await sleepers(1)
    clock.advance(by: .milliseconds(100))
    try await waiting.value
  }

  @Test("a caller that is cancelled stops waiting, and the token goes to the next one")
  func cancelled() async throws {
    let limit = limit
    for _ in 0..<3 { try await limit.take() }
    let given = Task { try await limit.take() }
    await sleepers(1)
    given.cancel()
    await #expect(throws: CancellationError.self) { try await given.value }
    let next = Task { try await limit.take() }
    await sleepers(1)
    clock.advance(by: .milliseconds(100))
    try await next.value
  }

  @Test("every attempt of a call counts")
  func calls() async throws {
    let busy = StubAnswer.text(503, "busy")
    let fine = StubAnswer.json(["gitVersion": "v1.30.0"])
    let clock = SkippingClock()
    try await withStub(
      [busy, fine], clock: clock,
      options: {
        $0.requestsPerSecond = 1
        $0.burst = 1
      }
    ) { client, _ in
      try await client.check()
      // The delay before the second attempt, then the rest of the second that a token needs.
      #expect(clock.sleeps == [.milliseconds(100), .milliseconds(900)])
    }
  }

  @Test("renewing a lease bypasses the queue of other requests")
  func leases() async throws {
    let lease: JSON = ["metadata": ["name": "kdops", "namespace": "kdops-system"]]
    let clock = SkippingClock()
    try await withStub(
      Array(repeating: .json(lease), count: 5), clock: clock,
      options: {
        $0.requestsPerSecond = 1
        $0.burst = 1
      }
    ) { client, _ in
      for _ in 0..<5 {
        _ = try await client.get(.leases, ObjectName(namespace: "kdops-system", name: "kdops"))
      }
      #expect(clock.sleeps.isEmpty)
    }
  }
}
