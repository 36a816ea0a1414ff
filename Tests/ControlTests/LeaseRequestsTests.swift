import KubeDirector
import Reports
import Testing

@testable import Control

@Suite("Commands on the Lease")
struct LeaseRequestsTests {
  private let sync = Wire.Annotation.sync
  private let accept = Wire.Annotation.accept

  @Test("a new annotation is a command; one that was handled before is not")
  func news() {
    let first = LeaseRequests([sync: "1", "other": "x"], after: [:])
    #expect(first.sync == SyncID("1"))
    #expect(first.approved == nil)
    let repeated = LeaseRequests([sync: "1"], after: [sync: "1"])
    #expect(repeated.sync == nil)
    #expect(LeaseRequests([sync: "2"], after: [sync: "1"]).sync == SyncID("2"))
  }

  @Test("an approval is handled once, beside a sync")
  func approval() {
    let both = LeaseRequests([sync: "2", accept: "4f2c9ab"], after: [sync: "1"])
    #expect((both.sync, both.approved) == (SyncID("2"), "4f2c9ab"))
    let later = LeaseRequests([sync: "3", accept: "4f2c9ab"], after: [sync: "2", accept: "4f2c9ab"])
    #expect((later.sync, later.approved) == (SyncID("3"), nil))
  }

  @Test("a removed annotation is no command")
  func removed() {
    let requests = LeaseRequests([:], after: [sync: "1", accept: "4f2c9ab"])
    #expect((requests.sync, requests.approved) == (nil, nil))
  }

  @Test("a value of any form identifies its request")
  func anyValue() {
    let odd = "now, please \u{202E}" + String(repeating: "x", count: 1000)
    let id = LeaseRequests([sync: odd], after: [:]).sync
    #expect(id == SyncID(annotation: odd))
    #expect(SyncID(odd) == nil)
    #expect(id?.text.utf8.count == 32)
  }
}
