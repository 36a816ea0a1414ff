import ClusterAPI
import Testing
import Values

@testable import Kubernetes

@Suite("Retries")
struct RetryTests {
  private let pod = Object(Samples.pod("db-0", version: 7))
  private let fine = StubAnswer.json(Samples.pod("db-0", version: 8))

  @Test("an idempotent request is retried after transient errors", arguments: [429, 502, 503, 504])
  func passing(code: Int) async throws {
    let clock = SkippingClock()
    try await withStub([.text(code, "busy"), .text(code, "busy"), fine], clock: clock) { client, _ in
      _ = try await client.get(.pods, Samples.web0)
      // Half of 200 ms and of 400 ms: the random part is drawn from the whole delay.
      #expect(clock.sleeps == [.milliseconds(100), .milliseconds(200)])
    }
  }

  @Test(
    "a request is retried after an etcd timeout, but not after other internal errors of the server")
  func storeTrouble() async throws {
    let trouble = StubAnswer.status(500, "InternalError", "etcdserver: request timed out")
    let bug = StubAnswer.status(500, "InternalError", "runtime error: index out of range")
    try await withStub([trouble, fine, bug]) { client, _ in
      _ = try await client.update(pod)
      let error = try await failure { try await client.update(pod) }
      #expect(error.kind == .unavailable)
    }
  }

  @Test("a connection that breaks before the answer is replaced by another")
  func brokenConnection() async throws {
    try await withStub([.cut, fine]) { client, stub in
      _ = try await client.get(.pods, Samples.web0)
      #expect(Set(stub.requests.map(\.connection)).count == 2)
    }
  }

  @Test("an answer that breaks off in the middle is requested again")
  func halfAnAnswer() async throws {
    let half = StubAnswer { _, connection in
      try await connection.begin(200, [("Content-Length", "1000")])
      try await connection.send("{\"kind\":")
      connection.cut()
    }
    try await withStub([half, fine]) { client, _ in
      let pod = try await client.get(.pods, Samples.web0)
      #expect(pod.resourceVersion == "8")
    }
  }

  @Test(
    "Retry-After is honoured, in seconds and as a date", arguments: ["3", "Sun, 06 Nov 1994 08:49:40 GMT"])
  func retryAfter(header: String) async throws {
    let clock = SkippingClock()
    let busy = StubAnswer.text(429, "", headers: [("Retry-After", header)])
    try await withStub([busy, fine], clock: clock, options: { $0.wallClock = { 784_111_777 } }) { client, _ in
      _ = try await client.get(.pods, Samples.web0)
      #expect(clock.sleeps == [.milliseconds(3100)])
    }
  }

  @Test("a Retry-After longer than the call's limit ends the call with that delay in the error")
  func longRetryAfter() async throws {
    let busy = StubAnswer.status(429, "TooManyRequests", "busy", headers: [("Retry-After", "60")])
    try await withStub([busy]) { client, _ in
      let error = try await failure { try await client.get(.pods, Samples.web0) }
      #expect(error.kind == .throttled)
      #expect(error.retryAfter == .seconds(60))
    }
  }

  @Test("a call gives up after about ten seconds")
  func givesUp() async throws {
    let clock = SkippingClock()
    let busy = Array(repeating: StubAnswer.text(503, "busy"), count: 20)
    try await withStub(busy, clock: clock, isUsedUp: false) { client, stub in
      let error = try await failure { try await client.get(.pods, Samples.web0) }
      #expect(error.kind == .unavailable)
      #expect(clock.now.offset < .seconds(10))
      #expect((5...10).contains(stub.requests.count))
    }
  }

  @Test("a creation that may have reached the server is never retried")
  func createOnce() async throws {
    for answer in [StubAnswer.cut, .text(503, "busy"), .text(504, "slow"), .text(502, "bad")] {
      try await withStub([answer, fine], isUsedUp: false) { client, stub in
        let error = try await failure { try await client.create(pod) }
        #expect(error.isTransient)
        #expect(stub.requests.count == 1)
      }
    }
  }

  @Test("a creation is retried if the server throttled it")
  func createThrottled() async throws {
    try await withStub([.text(429, "busy"), fine]) { client, stub in
      _ = try await client.create(pod)
      #expect(stub.requests.count == 2)
    }
  }

  @Test("a creation is retried if the connection was refused")
  func createAnswerLost() async throws {
    // A port that was just released: no process listens on it.
    let stub = StubServer([])
    let port = try await stub.start()
    await stub.stop()
    let server = Server(
      host: "127.0.0.1", port: port, path: "", tls: nil, serverName: nil, credentials: FakeCredentials(),
      namespace: nil,
      label: "stub")
    let records = Recorder<RequestRecord>()
    try await using(server, options: { $0.onRequest = { records.add($0) } }, stopping: StubServer([])) {
      client in
      let error = try await failure { try await client.create(pod) }
      #expect(error.kind == .unavailable)
      #expect(error.message.contains("http://127.0.0.1:\(port)"))
    }
    #expect(records.all.count > 3)
    #expect(records.all.allSatisfy { $0.code == nil })
  }

  @Test("a deletion is retried only if it names the object's uid")
  func deletions() async throws {
    try await withStub([.cut]) { client, _ in
      let error = try await failure { try await client.delete(.pods, Samples.web0, .none) }
      #expect(error.kind == .unavailable)
    }
    try await withStub([.cut, .json(["kind": "Status"])]) { client, _ in
      try await client.delete(.pods, Samples.web0, Preconditions(uid: "u1"))
    }
  }

  @Test("a JSON patch is retried only if it tests the version")
  func jsonPatches() async throws {
    let append: JSON = [["op": "add", "path": "/spec/list/-", "value": 1]]
    let checked: JSON = [["op": "test", "path": "/metadata/resourceVersion", "value": "7"]]
    try await withStub([.cut]) { client, _ in
      _ = try await failure {
        try await client.patch(.pods, Samples.web0, json: append)
      }
    }
    try await withStub([.cut, fine]) { client, _ in
      _ = try await client.patch(.pods, Samples.web0, json: checked)
    }
  }

  @Test("a call that is cancelled while it waits ends at once")
  func cancelled() async throws {
    let busy = StubAnswer.text(503, "busy", headers: [("Retry-After", "5")])
    try await withStub([busy], clock: ContinuousClock()) { client, stub in
      let call = Task { () -> APIError.Kind? in
        do throws(APIError) { _ = try await client.get(.pods, Samples.web0) } catch { return error.kind }
        return nil
      }
      while stub.requests.isEmpty { await Task.yield() }
      call.cancel()
      #expect(await call.value == .unavailable)
    }
  }

  @Test("the delays grow, are random over their whole length, and end within the limit")
  func policy() {
    let policy = RetryPolicy(window: .seconds(10))
    let waits = (1...6).map { policy.wait(afterTries: $0, elapsed: .zero, retryAfter: nil, random: 1) }
    #expect(waits == [200, 400, 800, 1600, 3000, 3000].map { .milliseconds($0) })
    #expect(policy.wait(afterTries: 5, elapsed: .zero, retryAfter: nil, random: 0) == .zero)
    #expect(policy.wait(afterTries: 1, elapsed: .seconds(9), retryAfter: .seconds(2), random: 0) == nil)
    #expect(policy.wait(afterTries: 10, elapsed: .zero, retryAfter: nil, random: 0) == nil)
  }
}
