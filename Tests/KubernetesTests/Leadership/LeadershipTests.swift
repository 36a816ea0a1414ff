import ClusterAPI
import TestSupport
import Testing

@testable import Kubernetes

@Suite("Leading, and waiting to lead", .timeLimit(.minutes(10)))
struct LeadershipTests {
  let store = LeaseStore()
  let clock = TestClock()

  private func candidate(_ identity: String) -> Leadership {
    Leadership(
      api: store, lease: LeaseServer.name, identity: identity, clock: clock, wall: { .seconds(1_700_000_000) }
    )
  }

  /// Yields until the condition is true.
  private func until(_ condition: () -> Bool) async throws {
    while !condition() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  /// An idle leader: it sleeps until its next renewal, and until its proof may expire. A pending request
  /// would sleep until its own timeout, three seconds from now.
  private func isQuiet(renewedAt now: Duration) -> Bool {
    let deadlines = clock.deadlines
    return deadlines.count == 2 && deadlines.contains(now + .seconds(4))
      && !deadlines.contains(now + .seconds(3))
  }

  @Test("the leader's own annotations are set with each write; those of others stay")
  func ownNotes() {
    let lease = Object(
      .leases, namespace: "n", name: "l", annotations: ["kdops.dev/sync": "7", "kdops.dev/activity": "old"])
    let written = LeaseRecord(holder: "a").object(
      lease.objectName, over: lease, notes: ["kdops.dev/activity": "new"])
    #expect(written.annotations == ["kdops.dev/sync": "7", "kdops.dev/activity": "new"])
    #expect(LeaseRecord(holder: "a").object(lease.objectName, over: nil).annotations.isEmpty)
  }

  @Test("the body runs while the lease is held, its value is returned, and the lease is released")
  func leading() async throws {
    let store = store
    let seen = try await candidate("a").hold { leader in
      #expect(leader.isProven)
      return [leader.identity, store.holder]
    }
    #expect(seen == ["a", "a"])
    #expect(store.lease?.json["spec"]?["holderIdentity"] == "")
  }

  @Test("an error of the body is rethrown, and the lease is released")
  func failing() async throws {
    struct BodyFailure: Error {}
    await #expect(throws: BodyFailure.self) { try await candidate("a").hold { _ in throw BodyFailure() } }
    #expect(store.lease != nil && store.holder == nil)
  }

  @Test("an idle leader makes at most fifteen requests a minute")
  func requests() async throws {
    let leading = Task { [candidate = candidate("a")] in
      try await candidate.hold { _ in try await forever() }
    }
    try await until { isQuiet(renewedAt: .zero) }
    let before = store.requests
    for time in 1...15 {
      clock.advance(by: .seconds(4))
      try await until { isQuiet(renewedAt: .seconds(4 * time)) }
      #expect(store.requests - before == time)
    }
    leading.cancel()
    await #expect(throws: CancellationError.self) { try await leading.value }
  }

  @Test(
    "an annotation on the lease is noticed at the next renewal, with two more requests, and renewals keep it")
  func notes() async throws {
    store.note(["kdops.dev/sync": "1"])
    let received = Shared<[[String: String]]>([])
    let leading = Task { [candidate = candidate("a")] in
      try await candidate.hold(onNotes: { notes in received.change { $0.append(notes) } }) { _ in
        try await forever()
      }
    }
    try await until { isQuiet(renewedAt: .zero) }
    #expect(received.value == [["kdops.dev/sync": "1"]])
    let before = store.requests
    store.note(["kdops.dev/sync": "2"])
    clock.advance(by: .seconds(4))
    try await until { isQuiet(renewedAt: .seconds(4)) }
    #expect(received.value.last == ["kdops.dev/sync": "2"])
    // The renewal that got the conflict, the read that it requires, and the renewal again.
    #expect(store.requests - before == 3)
    clock.advance(by: .seconds(4))
    try await until { isQuiet(renewedAt: .seconds(8)) }
    #expect(received.value.count == 2)
    #expect(store.requests - before == 4)
    #expect(store.lease?.annotation("kdops.dev/sync") == "2")
    leading.cancel()
    await #expect(throws: CancellationError.self) { try await leading.value }
  }

  @Test("a candidate reports once which holder it waits for, and leads as soon as that one has ended")
  func waiting() async throws {
    store.hold(by: "x")
    let reported = Shared<[String]>([])
    let standing = Task { [candidate = candidate("b")] in
      try await candidate.hold(onWaiting: { holder in reported.change { $0.append(holder) } }) { leader in
        leader.isProven
      }
    }
    try await until { clock.deadlines == [.seconds(2)] }
    clock.advance(by: .seconds(2))
    try await until { clock.deadlines == [.seconds(4)] }
    #expect(reported.value == ["x"])
    store.hold(by: "y")
    clock.advance(by: .seconds(2))
    try await until { clock.deadlines == [.seconds(6)] }
    #expect(reported.value == ["x", "y"])
    store.free()
    clock.advance(by: .seconds(2))
    #expect(try await standing.value)
  }

  @Test("if another process takes the lease, the body is cancelled, and the error names that process")
  func overthrown() async throws {
    let leading = Task { [candidate = candidate("a")] in
      try await candidate.hold { leader in
        try? await forever()
        #expect(!leader.isProven)
      }
    }
    try await until { isQuiet(renewedAt: .zero) }
    store.hold(by: "b")
    clock.advance(by: .seconds(4))
    let lost = await #expect(throws: LeadershipLost.self) { try await leading.value }
    #expect(lost?.holder == "b")
    #expect(store.holder == "b")
  }

  @Test("after eight seconds without an answer the body is cancelled, even while a request hangs")
  func silence() async throws {
    let leading = Task { [candidate = candidate("a")] in
      try await candidate.hold { leader in
        try? await forever()
        #expect(!leader.isProven)
      }
    }
    try await until { isQuiet(renewedAt: .zero) }
    store.be(.silent)
    let before = store.requests
    clock.advance(by: .seconds(4))
    try await until { store.requests == before + 1 && clock.deadlines == [.seconds(7), .seconds(8)] }
    clock.advance(by: .seconds(4))
    let lost = await #expect(throws: LeadershipLost.self) { try await leading.value }
    #expect(lost?.holder == nil)
    #expect("\(try #require(lost))".contains("could not be renewed within 8.0 seconds"))
  }

  @Test("a short failure is reported, and leading continues")
  func recovery() async throws {
    let reported = Shared<[APIError.Kind]>([])
    let leading = Task { [candidate = candidate("a")] in
      try await candidate.hold(onFailure: { error in reported.change { $0.append(error.kind) } }) { _ in
        try await forever()
      }
    }
    try await until { isQuiet(renewedAt: .zero) }
    store.be(.failing(APIError(.unavailable, "no answer")))
    clock.advance(by: .seconds(4))
    try await until { clock.deadlines == [.seconds(5), .seconds(8)] }
    clock.advance(by: .seconds(1))
    try await until { clock.deadlines == [.seconds(6), .seconds(8)] }
    #expect(reported.value == [.unavailable, .unavailable])
    store.be(.well)
    clock.advance(by: .seconds(1))
    try await until { clock.deadlines == [.seconds(8), .seconds(10)] }
    clock.advance(by: .seconds(2))
    try await until { clock.deadlines == [.seconds(10), .seconds(14)] }
    #expect(store.holder == "a")
    leading.cancel()
    await #expect(throws: CancellationError.self) { try await leading.value }
  }

  @Test("on cancellation the lease is kept and renewed until the body has ended")
  func ending() async throws {
    let (allowed, allow) = AsyncStream<Void>.makeStream()
    let leading = Task { [candidate = candidate("a"), store] in
      try await candidate.hold { leader in
        try? await forever()
        // Final work that ignores cancellation.
        await Task { for await _ in allowed {} }.value
        #expect(leader.isProven)
        return store.holder
      }
    }
    try await until { isQuiet(renewedAt: .zero) }
    leading.cancel()
    for time in 1...5 {
      try await until { clock.deadlines == [.seconds(4 * time)] }
      clock.advance(by: .seconds(4))
    }
    try await until { clock.deadlines == [.seconds(24)] }
    allow.finish()
    #expect(try await leading.value == "a")
    #expect(store.holder == nil)
  }

  @Test("a candidate that is cancelled leaves the lease unchanged")
  func givingUp() async throws {
    store.hold(by: "x")
    let standing = Task { [candidate = candidate("b")] in try await candidate.hold { _ in } }
    try await until { clock.deadlines == [.seconds(2)] }
    standing.cancel()
    await #expect(throws: CancellationError.self) { try await standing.value }
    #expect(store.holder == "x")
  }

  @Test(
    "an error that waiting cannot fix is thrown at once",
    arguments: [APIError.Kind.forbidden, .unauthorized, .invalid, .unsupported])
  func hopeless(kind: APIError.Kind) async throws {
    store.be(.failing(APIError(kind, "no")))
    let error = await #expect(throws: APIError.self) { try await candidate("a").hold { _ in } }
    #expect(error?.kind == kind)
  }

  @Test(
    "two candidates with one clock: when the first stops renewing, the second leads within fifteen seconds")
  func succession() async throws {
    let leaders = Shared<[String]>([])
    func stand(_ identity: String) -> Task<Void, any Error> {
      Task { [candidate = candidate(identity)] in
        try await candidate.hold { leader in
          leaders.change { $0.append(leader.identity) }
          try await forever()
        }
      }
    }
    let first = stand("a")
    try await until { isQuiet(renewedAt: .zero) }
    let second = stand("b")
    try await until { clock.deadlines == [.seconds(2), .seconds(4), .seconds(8)] }
    clock.advance(by: .seconds(2))
    try await until { clock.deadlines == [.seconds(4), .seconds(4), .seconds(8)] }
    clock.advance(by: .seconds(2))
    try await until { clock.deadlines == [.seconds(6), .seconds(8), .seconds(8)] }
    #expect(leaders.value == ["a"])
    // Cut off while it ends, so it neither renews nor releases: as if killed.
    store.be(.failing(APIError(.unavailable, "no answer")))
    first.cancel()
    _ = await first.result
    store.be(.well)
    var now = 4
    while leaders.value == ["a"], now < 19 {
      // A pending read would sleep three seconds.
      try await until {
        clock.deadlines.count == 1 && clock.deadlines[0] <= .seconds(now + 2) || leaders.value.count == 2
      }
      guard leaders.value == ["a"] else { break }
      clock.advance(by: .seconds(1))
      now += 1
      await Task.yield()
    }
    try await until { leaders.value == ["a", "b"] }
    #expect(now >= 12)
    second.cancel()
    _ = await second.result
  }

  @Test("no two processes have the same identity, and it contains the host")
  func identity() {
    let (one, other) = (LeaderIdentity.unique(), LeaderIdentity.unique())
    #expect(one != other)
    #expect(one.split(separator: "_").count >= 3)
  }
}

/// Sleeps until the task is cancelled.
func forever() async throws {
  let (never, end) = AsyncStream<Never>.makeStream()
  for await _ in never {}
  end.finish()
  try Task.checkCancellation()
}
