import ClusterAPI
import NIOCore
import Synchronization
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("Watching objects")
struct WatchTests {
  /// The events of a watch until it fails or the consumer stops.
  private func take(
    _ count: Int, _ client: KubernetesClient, after version: String = "5"
  ) async throws -> [String] {
    var seen: [String] = []
    for try await event in client.watch(.pods, namespace: "web", labels: .everything, after: version) {
      seen.append(Self.name(event))
      if seen.count == count { break }
    }
    return seen
  }

  private static func name(_ event: WatchEvent) -> String {
    switch event {
    case .added(let object): "+\(object.name)@\(object.resourceVersion)"
    case .modified(let object): "~\(object.name)@\(object.resourceVersion)"
    case .deleted(let object): "-\(object.name)@\(object.resourceVersion)"
    case .bookmark(let version): "=\(version)"
    }
  }

  @Test("events arrive in order, and the request asks for bookmarks and a timeout within an hour")
  func events() async throws {
    let lines = [
      WatchText.pod("ADDED", "a", version: 6), WatchText.pod("MODIFIED", "a", version: 7),
      WatchText.bookmark(version: 8), WatchText.pod("DELETED", "a", version: 9),
    ]
    try await withStub([.watch(lines, then: .open)]) { client, stub in
      let seen = try await take(4, client)
      #expect(seen == ["+a@6", "~a@7", "=8", "-a@9"])
      let query = try #require(stub.requests.first?.query)
      #expect(
        query["watch"] == "1" && query["allowWatchBookmarks"] == "true" && query["resourceVersion"] == "5")
      let seconds = try #require(query["timeoutSeconds"].flatMap { Int($0) })
      #expect((1800...3600).contains(seconds))
    }
  }

  @Test(
    "events are the same, whether they arrive in small pieces or many at once",
    arguments: [1, 7, 100_000])
  func pieces(size: Int) async throws {
    let text = (6..<12).map { WatchText.pod("MODIFIED", "p", version: $0) }.joined()
    let bytes = Array(text.utf8)
    let pieces = stride(from: 0, to: bytes.count, by: size).map {
      String(decoding: bytes[$0..<min($0 + size, bytes.count)], as: UTF8.self)
    }
    try await withStub([.watch(pieces, then: .open)]) { client, _ in
      let seen = try await take(6, client)
      #expect(seen == (6..<12).map { "~p@\($0)" })
    }
  }

  @Test("if the server ends the connection, the watch continues after the last version without notice")
  func orderlyEnd() async throws {
    let answers: [StubAnswer] = [
      .watch([WatchText.pod("ADDED", "a", version: 6), WatchText.bookmark(version: 20)]),
      .watch([]),
      .watch([WatchText.pod("ADDED", "b", version: 21)], then: .open),
    ]
    try await withStub(answers) { client, stub in
      let seen = try await take(3, client)
      #expect(seen == ["+a@6", "=20", "+b@21"])
      #expect(stub.requests.map { $0.query["resourceVersion"] } == ["5", "20", "20"])
    }
  }

  @Test("a server that ends every connection at once is asked more and more slowly")
  func eagerEnds() async throws {
    let clock = SkippingClock()
    let answers =
      Array(repeating: StubAnswer.watch([]), count: 6) + [.watch([WatchText.bookmark(version: 9)])]
    try await withStub(answers, clock: clock) { client, _ in
      let seen = try await take(1, client)
      #expect(seen == ["=9"])
      #expect(clock.sleeps == [100, 200, 400, 800, 1600, 3200].map { .milliseconds($0) })
    }
  }

  @Test(
    "a watch that is cut in the middle of a line continues after the last version, without loss or duplicates"
  )
  func cut() async throws {
    let half = WatchText.pod("ADDED", "b", version: 7).prefix(40)
    let answers: [StubAnswer] = [
      .watch([WatchText.pod("ADDED", "a", version: 6) + half], then: .cut),
      .watch([WatchText.pod("ADDED", "b", version: 7)], then: .open),
    ]
    try await withStub(answers) { client, stub in
      let seen = try await take(2, client)
      #expect(seen == ["+a@6", "+b@7"])
      #expect(stub.requests.map { $0.query["resourceVersion"] } == ["5", "6"])
    }
  }

  @Test("a watch that is cut and cannot be opened again reports an error")
  func cutForGood() async throws {
    let busy = Array(repeating: StubAnswer.text(503, "busy"), count: 20)
    let answers = [.watch([WatchText.pod("ADDED", "a", version: 6)], then: .cut)] + busy
    try await withStub(answers, isUsedUp: false) { client, _ in
      let error = try await failure { try await take(2, client) }
      #expect(error.kind == .unavailable)
    }
  }

  @Test(
    "connections that are cut before any event do not slow a follower down: it is as quick after the tenth")
  func quietCuts() async throws {
    let clock = SkippingClock()
    // A proxy that cuts each connection after three seconds.
    let brief = StubAnswer { request, connection in
      try await connection.begin(200)
      clock.advance(by: .seconds(3))
      connection.cut()
    }
    let list = StubAnswer.json(Samples.list([], version: 5))
    let last = StubAnswer.watch([WatchText.pod("ADDED", "a", version: 6)], then: .open)
    try await withStub([list] + Array(repeating: brief, count: 10) + [last], clock: clock) { client, stub in
      await withTaskGroup { group in
        group.addTask {
          try? await client.follow(.pods, namespace: "web", clock: clock) { change in
            if case .changed = change { withUnsafeCurrentTask { $0?.cancel() } }
          }
        }
      }
      #expect(clock.sleeps == [])
      #expect(stub.lines.count == 12)
    }
  }

  @Test("a follower of a watch that is cut again and again lists once and receives every change once")
  func followed() async throws {
    let half = String(WatchText.pod("ADDED", "x", version: 8).prefix(60))
    let answers: [StubAnswer] = [
      .json(Samples.list([Samples.pod("a", version: 5)], version: 5)),
      .watch([WatchText.pod("ADDED", "b", version: 6), half], then: .cut),
      .watch([WatchText.pod("ADDED", "x", version: 8)], then: .cut),
      .watch([], then: .cut),
      .watch([WatchText.pod("DELETED", "a", version: 9)], then: .open),
    ]
    let clock = SkippingClock()
    try await withStub(answers, clock: clock) { client, stub in
      let seen = Recorder<String>()
      await withTaskGroup { group in
        group.addTask {
          try? await client.follow(.pods, namespace: "web", clock: clock) { change in
            switch change {
            case .all(let objects, _): seen.add("all \(objects.map(\.name))")
            case .changed(let object): seen.add("changed \(object.name)")
            case .removed(let object): seen.add("removed \(object.name)")
            }
            if seen.all.count == 4 { withUnsafeCurrentTask { $0?.cancel() } }
          }
        }
      }
      #expect(seen.all == ["all [\"a\"]", "changed b", "changed x", "removed a"])
      #expect(stub.requests.dropFirst().map { $0.query["resourceVersion"] } == ["5", "6", "8", "8"])
    }
  }

  @Test("a follower that is stopped during a call reports no failure")
  func stopped() async throws {
    let asked = AsyncStream<Void>.makeStream()
    try await withStub([StubAnswer { _, _ in asked.continuation.yield() }]) { client, _ in
      let failures = Recorder<APIError>()
      let following = Task {
        try await client.follow(
          .pods, namespace: "web", clock: SkippingClock(), onFailure: { failures.add($0) }
        ) { _ in }
      }
      for await _ in asked.stream { break }
      following.cancel()
      await #expect(throws: CancellationError.self) { try await following.value }
      #expect(failures.all.isEmpty)
    }
  }

  @Test("a version that is too old is reported as gone, from the status or from an event")
  func gone() async throws {
    let event = WatchText.event(
      "ERROR", StubAnswer.failure(410, "Expired", "too old resource version: 5 (99)"))
    for answer in [StubAnswer.status(410, "Expired", "too old"), .watch([event], then: .open)] {
      try await withStub([answer]) { client, _ in
        do {
          _ = try await take(1, client)
          Issue.record("a watch from a forgotten version brought something")
        } catch let error as APIError {
          #expect(error.kind == .gone)
        }
      }
    }
  }

  @Test("an error event of another kind ends the watch with that kind")
  func errorEvent() async throws {
    let event = WatchText.event(
      "ERROR", StubAnswer.failure(500, "InternalError", "etcdserver: leader changed"))
    try await withStub([.watch([event], then: .open)]) { client, _ in
      await #expect(throws: APIError.self) { try await take(1, client) }
    }
  }

  @Test("a watch that receives no byte for long counts as dead and is opened again")
  func silence() async throws {
    // Sends the next event after the requested version, and nothing more.
    let taciturn = StubAnswer { request, connection in
      let next = request.query["resourceVersion"] == "5" ? 6 : 7
      try await StubAnswer.watch([WatchText.pod("ADDED", "p", version: next)], then: .open).give(
        request, connection)
    }
    let list = StubAnswer.json(Samples.list([], version: 5))
    let clock = SkippingClock()
    // A busy machine may answer later than the silence limit; a follower tolerates that too.
    try await withStub(
      [list] + Array(repeating: taciturn, count: 50), clock: clock, isUsedUp: false,
      options: { $0.watchSilence = .milliseconds(300) }
    ) { client, stub in
      let seen = Recorder<String>()
      await withThrowingTaskGroup { group in
        group.addTask {
          try await client.follow(.pods, namespace: "web", clock: clock) { change in
            guard case .changed(let object) = change else { return }
            seen.add(object.resourceVersion)
            if seen.all.count == 2 { withUnsafeCurrentTask { $0?.cancel() } }
          }
        }
        await #expect(throws: CancellationError.self) { try await group.next() }
      }
      #expect(seen.all == ["6", "7"])
      #expect(stub.lines.filter { $0 == "GET /api/v1/namespaces/web/pods" }.count >= 3)
    }
  }

  @Test("a watch whose task is cancelled ends at once and closes its connection")
  func cancelled() async throws {
    try await withStub([.watch([WatchText.pod("ADDED", "a", version: 6)], then: .open)]) { client, stub in
      let hasBegun = AsyncStream<Void>.makeStream()
      let watching = Task {
        for try await _ in client.watch(.pods, namespace: nil, labels: .everything, after: "5") {
          hasBegun.continuation.yield()
        }
      }
      for await _ in hasBegun.stream { break }
      watching.cancel()
      _ = await watching.result
      await stub.allClosed()
    }
  }

  @Test("a watch whose consumer stops closes its connection")
  func abandoned() async throws {
    try await withStub([.watch([WatchText.pod("ADDED", "a", version: 6)], then: .open)]) { client, stub in
      let seen = try await take(1, client)
      #expect(seen == ["+a@6"])
      await stub.allClosed()
    }
  }

  @Test("a server that is faster than the consumer is slowed by back pressure, and events do not accumulate")
  func backPressure() async throws {
    let pad = JSON.string(String(repeating: "x", count: 64 << 10))
    let line = Array(WatchText.event("ADDED", Samples.pod("a", version: 6, more: ["pad": pad])).utf8)
    let sent = Mutex(0)
    let hasty = StubAnswer { _, connection in
      try await connection.begin(200)
      for _ in 0..<Self.hastyEvents {
        try await connection.send(line)
        sent.withLock { $0 += line.count }
      }
    }
    try await withStub([hasty]) { client, _ in
      var taken = 0
      var furthest = 0
      for try await _ in client.watch(.pods, namespace: nil, labels: .everything, after: "5") {
        taken += line.count
        furthest = max(furthest, sent.withLock { $0 } - taken)
        if taken == Self.hastyEvents * line.count { break }
      }
      // The kernel's buffers on both sides, and little more.
      #expect(furthest < 12 << 20, "\(furthest) bytes were on their way at once")
    }
  }

  private static let hastyEvents = 500

  @Test("a line without an end is not buffered without limit")
  func endlessLine() async throws {
    let line = String(repeating: "x", count: 4 << 10)
    try await withStub([.watch([line, line], then: .open)], options: { $0.lineLimit = 1 << 10 }) {
      client, stub in
      do {
        _ = try await take(1, client)
        Issue.record("a line without an end brought something")
      } catch let error as APIError {
        #expect(error.message.contains("a line of more than 1024 bytes"))
      }
      await stub.allClosed()
    }
  }

  @Test("the lines are the same, however the bytes are split")
  func lines() {
    var random = SeededRandom(seed: 42)
    for _ in 0..<200 {
      let expected = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
        String(repeating: "é", count: Int.random(in: 0..<50, using: &random))
      }
      let bytes = Array(expected.map { $0 + "\n" }.joined().utf8) + Array("half".utf8)
      var buffer = LineBuffer()
      var seen: [String] = []
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...40, using: &random))
        buffer.append(ByteBuffer(bytes: bytes[start..<end]))
        while let line = buffer.next({ String(decoding: $0, as: UTF8.self) }) { seen.append(line) }
        start = end
      }
      #expect(seen == expected)
      #expect(buffer.pendingBytes == 4)
    }
  }

  @Test("the label selector is part of the request")
  func labels() async throws {
    try await withStub([.watch([WatchText.bookmark(version: 6)], then: .open)]) { client, stub in
      for try await _ in client.watch(.pods, namespace: nil, labels: ["app": "db"], after: "5") { break }
      #expect(stub.requests.first?.query["labelSelector"] == "app%3Ddb")
      #expect(stub.lines == ["GET /api/v1/pods"])
    }
  }
}
