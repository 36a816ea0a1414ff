import Testing

@testable import Reconciler

@Suite("Tries that follow each other")
struct RetrialTests {
  @Test("one is due at a time, however many rounds there are before it; the pauses grow to half a minute")
  func pauses() {
    var retrial = Retrial()
    var pauses: [Duration] = []
    for _ in 0..<9 {
      guard let (number, wait) = retrial.next(true) else { continue }
      pauses.append(wait)
      #expect(retrial.next(true) == nil)
      retrial.begin(number)
    }
    #expect(
      pauses
        == [.milliseconds(500)] + [1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
  }

  @Test(
    "a failure after all was well is tried again soon, and the pause of an older one means nothing any more")
  func anew() {
    var retrial = Retrial()
    let first = retrial.next(true)
    #expect(retrial.next(false) == nil)
    let second = retrial.next(true)
    #expect(second?.wait == .milliseconds(500))
    if let first { retrial.begin(first.number) }
    #expect(retrial.next(true) == nil)
  }
}
