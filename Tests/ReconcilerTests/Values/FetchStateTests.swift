import GitStore
import Testing

@testable import Reconciler

@Suite("What was fetched")
struct FetchStateTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")

  @Test("counts failures in a row, and reports when git is reachable again")
  func failures() {
    var fetch = FetchState()
    let error = GitError(.unreachable, "no route")
    #expect(fetch.fail(error) == 0)
    #expect(fetch.fail(error) == 1)
    #expect(fetch.problem == error && fetch.head == nil)
    #expect(fetch.succeed(a, []).failures == 2)
    #expect(fetch.problem == nil && fetch.head == a)
    #expect(fetch.fail(error) == 0)
    #expect(fetch.head == a)
  }

  @Test("asks for a compaction once after each new head")
  func compaction() {
    var fetch = FetchState()
    _ = fetch.succeed(a, [])
    #expect(fetch.takeCompaction() == true)
    #expect(fetch.takeCompaction() == false)
    _ = fetch.succeed(a, [])
    #expect(fetch.takeCompaction() == false)
    _ = fetch.succeed(b, [])
    #expect(fetch.takeCompaction() == true)
  }

  @Test("lets only the timer of the last fetch start another one")
  func timers() {
    var fetch = FetchState()
    let first = fetch.startTimer()
    let second = fetch.startTimer()
    #expect(!fetch.isCurrent(first) && fetch.isCurrent(second))
  }
}
