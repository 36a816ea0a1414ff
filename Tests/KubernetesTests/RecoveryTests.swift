import ClusterAPI
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("An API server that has just restarted")
struct RecoveryTests {
  private let pod = Object(Samples.pod("db-0", version: 7))
  private let fine = StubAnswer.json(Samples.pod("db-0", version: 8))
  private let away = StubAnswer.text(503, "no server is there")
  private let forbidden = StubAnswer.status(403, "Forbidden", "RBAC: clusterrole \"kdops\" not found")

  private static let refusals: [(StubAnswer, APIError.Kind)] = [
    (.status(401, "Unauthorized", "Unauthorized"), .unauthorized),
    (.status(403, "Forbidden", "RBAC: clusterrole \"kdops\" not found"), .forbidden),
    (.text(404, "404 page not found"), .unsupported),
  ]

  @Test("refusals of tokens, permissions and custom kinds just after an outage are retried")
  func passing() async throws {
    for (refusal, _) in Self.refusals {
      try await withStub([away, refusal, refusal, fine]) { client, _ in
        let found = try await client.get(.pods, Samples.web0)
        #expect(found.resourceVersion == "8")
      }
    }
  }

  @Test("without an outage before it, a refusal is reported at once")
  func final() async throws {
    for (refusal, kind) in Self.refusals {
      // After a 401 the call is retried with freshly loaded credentials.
      let answers = kind == .unauthorized ? [refusal, refusal] : [refusal]
      try await withStub(answers) { client, _ in
        let error = try await failure { try await client.list(.pods, namespace: "web", labels: .everything) }
        #expect(error.kind == kind)
      }
    }
  }

  @Test("a refused creation was not executed, so it is retried too")
  func creation() async throws {
    try await withStub([away, fine, forbidden, fine]) { client, _ in
      _ = try await client.get(.pods, Samples.web0)
      let made = try await client.create(pod)
      #expect(made.resourceVersion == "8")
    }
  }

  @Test(
    "for half a minute after an outage, a lasting refusal is reported as unavailable; after that, as what it is"
  )
  func lasting() async throws {
    let clock = SkippingClock()
    let answers = [away, fine] + Array(repeating: forbidden, count: 20)
    try await withStub(answers, clock: clock, isUsedUp: false) { client, _ in
      _ = try await client.get(.pods, Samples.web0)
      let early = try await failure { try await client.get(.pods, Samples.web0) }
      #expect(early.kind == .unavailable)
      #expect(early.message.contains("was away until a moment ago"))
      clock.advance(by: .seconds(30))
      let late = try await failure { try await client.get(.pods, Samples.web0) }
      #expect(late.kind == .forbidden)
    }
  }

  @Test("a rejected certificate does not count as an outage")
  func certificate() async throws {
    let stub = StubServer([forbidden])
    let port = try await stub.start(tls: try TestAuthority().server())
    let server = try TestServer.secure(port, authority: try TestAuthority())
    try await using(server, stopping: stub) { client in
      for _ in 0..<2 {
        let error = try await failure { try await client.get(.pods, Samples.web0) }
        #expect(error.kind == .unauthorized)
      }
      #expect(client.sender.recovery.judged(APIError(.forbidden, "no")).kind == .forbidden)
    }
  }
}
