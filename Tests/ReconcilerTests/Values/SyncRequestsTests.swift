import GitStore
import Reports
import Testing

@testable import Reconciler

@Suite("Requests to fetch")
struct SyncRequestsTests {
  private let a = SyncID(annotation: "a")
  private let b = SyncID(annotation: "b")
  private let head = ObjectID.repeating("1")

  /// Ends a pass at the head.
  private func end(_ requests: inout SyncRequests, hasApplied: Bool = true) -> SyncRequests.Answer? {
    requests.endPass(at: head, hasApplied: hasApplied, isFollowed: true)
  }

  @Test("are answered by the pass that follows the fetch that follows them")
  func answered() {
    var requests = SyncRequests()
    #expect(requests.progress(of: a) == nil)
    requests.request(a)
    #expect(requests.progress(of: a) == .requested)
    let fetch = requests.beginFetch()
    #expect(requests.progress(of: a) == .fetching)
    requests.endFetch(of: fetch, hasSucceeded: true)
    requests.beginPass()
    #expect(requests.progress(of: a) == .applying)
    let answer = end(&requests)
    #expect(answer == SyncRequests.Answer(head: head, requests: [a]))
    #expect(requests.progress(of: a) == .done)
  }

  @Test("a fetch that was in progress at the request does not count")
  func fetchInProgress() {
    var requests = SyncRequests()
    let early = requests.beginFetch()
    requests.request(a)
    requests.endFetch(of: early, hasSucceeded: true)
    #expect(requests.progress(of: a) == .requested)
    requests.beginPass()
    let answer = end(&requests)
    #expect(answer?.requests == [])
    #expect(requests.progress(of: a) == .requested)
  }

  @Test("a pass that was in progress at the end of the fetch does not count")
  func passInProgress() {
    var requests = SyncRequests()
    requests.request(a)
    let fetch = requests.beginFetch()
    requests.beginPass()
    requests.endFetch(of: fetch, hasSucceeded: true)
    let early = end(&requests)
    #expect(early?.requests == [])
    #expect(requests.progress(of: a) == .applying)
    requests.beginPass()
    let answer = end(&requests)
    #expect(answer?.requests == [a])
  }

  @Test("a failed fetch is repeated, and a failed pass too")
  func failures() {
    var requests = SyncRequests()
    requests.request(a)
    let first = requests.beginFetch()
    requests.endFetch(of: first, hasSucceeded: false)
    #expect(requests.progress(of: a) == .requested)
    let second = requests.beginFetch()
    requests.endFetch(of: second, hasSucceeded: true)
    requests.beginPass()
    let failed = end(&requests, hasApplied: false)
    #expect(failed == nil)
    #expect(requests.progress(of: a) == .applying)
    requests.beginPass()
    let answer = end(&requests)
    #expect(answer?.requests == [a])
  }

  @Test("one fetch answers all requests before it, and a repeated request is no new one")
  func several() {
    var requests = SyncRequests()
    for id in [a, b, a] { requests.request(id) }
    let fetch = requests.beginFetch()
    requests.endFetch(of: fetch, hasSucceeded: true)
    requests.request(b)
    requests.beginPass()
    let answer = end(&requests)
    #expect(answer?.requests == [a, b])
    requests.request(a)
    #expect(requests.progress(of: a) == .done)
  }

  @Test("between two steps of a stepwise history the commit is reported, and the requests are not answered")
  func steps() {
    var requests = SyncRequests()
    requests.request(a)
    let fetch = requests.beginFetch()
    requests.endFetch(of: fetch, hasSucceeded: true)
    requests.beginPass()
    let step = requests.endPass(at: head, hasApplied: true, isFollowed: false)
    #expect(step == SyncRequests.Answer(head: head, requests: []))
    #expect(requests.progress(of: a) == .applying)
    requests.beginPass()
    let last = requests.endPass(at: ObjectID.repeating("2"), hasApplied: true, isFollowed: true)
    #expect(last?.requests == [a])
  }

  @Test("without requests, each new commit is reported once")
  func commits() {
    var requests = SyncRequests()
    requests.beginPass()
    let none = requests.endPass(at: nil, hasApplied: true, isFollowed: true)
    #expect(none == nil)
    requests.beginPass()
    let first = end(&requests)
    #expect(first == SyncRequests.Answer(head: head, requests: []))
    requests.beginPass()
    let again = end(&requests)
    #expect(again == nil)
  }

  @Test("the memory for requests is bounded")
  func bounded() {
    var requests = SyncRequests()
    for number in 0...SyncRequests.limit { requests.request(SyncID(annotation: "\(number)")) }
    #expect(requests.progress(of: SyncID(annotation: "0")) == nil)
    #expect(requests.progress(of: SyncID(annotation: "1")) == .requested)
  }
}
