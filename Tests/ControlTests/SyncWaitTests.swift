import Reports
import Testing

@testable import Control

@Suite("The wait for the answer to a request to fetch")
struct SyncWaitTests {
  private let mine = SyncID(annotation: "mine")
  private let later = SyncID(annotation: "later")
  private let earlier = SyncID(annotation: "earlier")

  private func daemon(
    seen: Int = 1, fetched: Int? = 5, problem: String? = nil, answered: [SyncID]?, requested: SyncID? = nil
  ) -> DaemonState {
    DaemonState(
      .running, DaemonRecord(seen: seen, fetched: fetched, problem: problem, synced: answered),
      requested: requested)
  }

  private func isPending(_ step: SyncWait.Step) -> Bool { if case .pending = step { true } else { false } }

  @Test("on the Lease, only the answer to this request counts, not one to an earlier request or a new fetch")
  func lease() {
    var wait = SyncWait(mine, fetchedBefore: 5)
    for state in [
      daemon(answered: [], requested: mine), daemon(fetched: 6, answered: [earlier], requested: mine),
    ] {
      let step = wait.observe(state)
      #expect(isPending(step))
    }
    let step = wait.observe(daemon(fetched: 6, answered: [earlier, mine], requested: mine))
    #expect(step == .answered)
  }

  @Test("a later request that replaced this one on the Lease is answered for both")
  func replaced() {
    var wait = SyncWait(mine, fetchedBefore: nil)
    let before = wait.observe(daemon(answered: [earlier], requested: later))
    #expect(isPending(before))
    let after = wait.observe(daemon(answered: [earlier, later], requested: later))
    #expect(after == .answered)
  }

  @Test("the socket answers with the progress of the request, and the daemon's problem is shown")
  func socket() {
    var wait = SyncWait(mine, fetchedBefore: nil)
    let state = daemon(problem: "the repository cannot be fetched", answered: [])
    let step = wait.observe(.requested, state)
    #expect(step == .pending("the repository cannot be fetched"))
    for progress in [SyncProgress.requested, .fetching, .applying] {
      let step = wait.observe(progress, daemon(answered: []))
      #expect(isPending(step))
    }
    let end = wait.observe(.done, daemon(answered: []))
    #expect(end == .answered)
  }

  @Test("an older daemon must have fetched, and show a sign of life after that")
  func older() {
    var wait = SyncWait(mine, fetchedBefore: 5)
    for (seen, fetched, isPresumed) in [
      (1, 5, false), (2, 5, false), (3, 6, false), (3, 6, false), (4, 6, true),
    ] {
      let step = wait.observe(daemon(seen: seen, fetched: fetched, answered: nil))
      #expect((step == .presumed) == isPresumed, "\(seen)")
    }
  }

  @Test("a daemon whose record may not be read fails with the reason")
  func unknown() {
    var wait = SyncWait(mine, fetchedBefore: nil)
    let step = wait.observe(DaemonState(.unknown("you may not read it")))
    #expect(step == .unknown("you may not read it"))
  }
}
