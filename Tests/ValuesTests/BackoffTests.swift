import Testing
import Values

@Suite("Delays of retries")
struct BackoffTests {
  @Test("delays double up to the limit, and are random over their upper half")
  func backoff() {
    let backoff = Backoff(first: .seconds(1), limit: .seconds(60))
    #expect(
      (0...3).map { backoff.delay(attempt: $0, random: 1) } == [
        .seconds(1), .seconds(2), .seconds(4), .seconds(8),
      ])
    #expect(backoff.delay(attempt: 0, random: 0) == .milliseconds(500))
    #expect(backoff.delay(attempt: 20, random: 1) == .seconds(60))
    #expect(backoff.delay(attempt: .max, random: 0) == .seconds(30))
    #expect(backoff.delay(attempt: -1, random: 7) == .seconds(1))
    let some = backoff.delay(attempt: 3)
    #expect(some >= .seconds(4) && some <= .seconds(8))
  }

  @Test("without randomness are the longest delays")
  func longest() {
    let backoff = Backoff(first: .milliseconds(500), limit: .seconds(30))
    #expect(backoff.longest(attempt: 0) == .milliseconds(500))
    #expect(backoff.longest(attempt: 5) == .seconds(16))
    #expect(backoff.longest(attempt: 6) == .seconds(30))
    #expect(backoff.longest(attempt: .max) == .seconds(30))
  }
}
