import Testing

@testable import kdops

@Suite("A commit that the clone does not have")
struct UnknownCommitTests {
  private let id = String(repeating: "ab", count: 20)
  private let head = String(repeating: "1", count: 40)

  private func isFailed(_ result: UnknownCommit.Result) -> Bool {
    if case .failed = result { true } else { false }
  }

  @Test("fails after two fetches if the clone has the history of the daemon's head")
  func outside() {
    var commit = UnknownCommit(id)
    for (fetched, isExpected) in [(1, false), (1, false), (2, false), (2, false), (3, true)] {
      let result = commit.evaluate(head: head, isOutside: true, fetched: fetched)
      #expect(isFailed(result) == isExpected, "\(fetched)")
    }
  }

  @Test("is waited for while the history is unknown or the head is being applied, and says for what")
  func unknown() {
    var commit = UnknownCommit(id)
    for fetched in 1...5 {
      let unknown = commit.evaluate(head: head, isOutside: nil, fetched: fetched)
      guard case .pending(let words) = unknown else {
        Issue.record("\(unknown)")
        return
      }
      #expect(words.contains("--repo"))
      let applying = commit.evaluate(head: nil, isOutside: nil, fetched: fetched)
      #expect(!isFailed(applying))
    }
  }
}
