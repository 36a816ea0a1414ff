import KubeDirector
import Testing

@testable import Control

@Suite("Commands on the Lease")
struct LeaseRequestsTests {
  private let sync = Wire.Annotation.sync
  private let accept = Wire.Annotation.accept

  @Test("a new annotation is a command; one that was handled before is not")
  func news() {
    let first = LeaseRequests([sync: "1", "other": "x"], after: [:])
    #expect(first.isSyncRequested)
    #expect(first.approved == nil)
    let repeated = LeaseRequests([sync: "1"], after: [sync: "1"])
    #expect(!repeated.isSyncRequested)
    #expect(LeaseRequests([sync: "2"], after: [sync: "1"]).isSyncRequested)
  }

  @Test("an approval is handled once, beside a sync")
  func approval() {
    let both = LeaseRequests([sync: "2", accept: "4f2c9ab"], after: [sync: "1"])
    #expect((both.isSyncRequested, both.approved) == (true, "4f2c9ab"))
    let later = LeaseRequests([sync: "3", accept: "4f2c9ab"], after: [sync: "2", accept: "4f2c9ab"])
    #expect((later.isSyncRequested, later.approved) == (true, nil))
  }

  @Test("a removed annotation is no command")
  func removed() {
    let requests = LeaseRequests([:], after: [sync: "1", accept: "4f2c9ab"])
    #expect((requests.isSyncRequested, requests.approved) == (false, nil))
  }
}
