import Testing

@testable import Reconciler

@Suite("Tries that follow each other")
struct RetryBackoffTests {
  @Test("one is due at a time, however many rounds there are before it; the pauses grow to half a minute")
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

  @Test(
    "a failure after all was well is tried again soon, and the pause of an older one means nothing any more")
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
