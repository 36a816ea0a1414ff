import Testing

@testable import Reconciler

@Suite("RetryBackoff")
struct RetryBackoffTests {
  @Test("schedules one retry at a time, with pauses that grow to 30 seconds")
  func pauses() {
    var retryBackoff = RetryBackoff()
    var pauses: [Duration] = []
    for _ in 0..<9 {
      guard let (number, wait) = retryBackoff.next(true) else { continue }
      pauses.append(wait)
      #expect(retryBackoff.next(true) == nil)
      retryBackoff.begin(number)
    }
    #expect(
      pauses
        == [.milliseconds(500)] + [1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
  }

  @Test("grows to the longest pause that it was given")
  func longest() {
    var retryBackoff = RetryBackoff(longest: .seconds(600))
    var last: Duration?
    for _ in 0..<20 {
      guard let (number, wait) = retryBackoff.next(true) else { continue }
      last = wait
      retryBackoff.begin(number)
    }
    #expect(last == .seconds(600))
  }

  @Test(
    "starts with a short pause after a success, and cancels the retry that was scheduled before")
  func anew() {
    var retryBackoff = RetryBackoff()
    let first = retryBackoff.next(true)
    #expect(retryBackoff.next(false) == nil)
    let second = retryBackoff.next(true)
    #expect(second?.wait == .milliseconds(500))
    if let first { retryBackoff.begin(first.number) }
    #expect(retryBackoff.next(true) == nil)
  }
}
