import ClusterAPI
import Testing

@testable import Daemon

@Suite("A daemon that starts without an API server")
struct StartupRetryTests {
  private static let passing: Set<APIError.Kind> = [.unavailable, .timeout, .throttled]

  @Test("waits for an unreachable server, with growing delays up to 15 s")
  func away() {
    var startupRetry = StartupRetry(waits: true)
    let waits = (0..<6).map { _ in startupRetry.wait(after: APIError(.unavailable, "connection refused")) }
    #expect(waits == [1, 2, 4, 8, 15, 15].map { .seconds($0) })
  }

  @Test("gives up at once if waiting cannot help", arguments: APIError.Kind.allCases)
  func refusals(_ kind: APIError.Kind) {
    var startupRetry = StartupRetry(waits: true)
    #expect((startupRetry.wait(after: APIError(kind, "no")) != nil) == Self.passing.contains(kind))
  }

  @Test("with --once always gives up at once", arguments: APIError.Kind.allCases)
  func once(_ kind: APIError.Kind) {
    var startupRetry = StartupRetry(waits: false)
    #expect(startupRetry.wait(after: APIError(kind, "no")) == nil)
  }

  @Test("waits as long as Retry-After says")
  func retryAfter() {
    var startupRetry = StartupRetry(waits: true)
    #expect(
      startupRetry.wait(after: APIError(.throttled, "later", retryAfter: .seconds(40))) == .seconds(40))
  }

  @Test("retries a temporary refusal, and no more often than allowed")
  func retrying() async throws {
    var answers = [APIError(.unavailable, "a webhook does not answer"), APIError(.throttled, "later"), nil]
    var waits: [Duration] = []
    let word = try await StartupRetry.retrying(limit: 2) {
      waits.append($1)
    } sleep: { _ in
    } _: { () throws(APIError) in
      if let error = answers.removeFirst() { throw error }
      return "key"
    }
    #expect(word == "key")
    #expect(waits == [.seconds(1), .seconds(2)])

    await #expect(throws: APIError(.unavailable, "3")) {
      var asked = 0
      try await StartupRetry.retrying(limit: 2, onFailure: { _, _ in }, sleep: { _ in }) {
        () throws(APIError) in
        asked += 1
        throw APIError(.unavailable, "\(asked)")
      }
    }
  }

  @Test("asks only once if a retry cannot help")
  func hopeless() async {
    await #expect(throws: APIError(.forbidden, "no")) {
      try await StartupRetry.retrying(onFailure: { _, _ in }, sleep: { _ in }) { () throws(APIError) in
        throw APIError(.forbidden, "no")
      }
    }
  }
}
