import ClusterAPI
import Testing
import Values

@testable import Kubernetes

@Suite("The election by Lease")
struct LeaseMachineTests {
  var server = LeaseServer()
  var a = LeaseMachine(identity: "a")
  var b = LeaseMachine(identity: "b")

  @Test("without a lease, the first candidate creates it and leads")
  mutating func first() {
    #expect(a.settle(&server, at: .zero) == .wait(until: .seconds(4)))
    #expect(a.provenUntil == .seconds(8))
    #expect(
      server.object?.json["spec"] == [
        "holderIdentity": "a", "leaseDurationSeconds": 12, "acquireTime": "2023-11-14T22:13:20.000000Z",
        "renewTime": "2023-11-14T22:13:20.000000Z", "leaseTransitions": 0,
      ])
  }

  @Test("a leader renews every four seconds, with one request and without a read before it")
  mutating func renewing() {
    _ = a.settle(&server, at: .zero)
    let made = server.object
    guard case .write(let record, let old) = a.next(now: .seconds(4), wall: .seconds(1_700_000_004)) else {
      Issue.record("no renewal")
      return
    }
    #expect(old == made)
    #expect(record.acquired == "2023-11-14T22:13:20.000000Z")
    #expect(record.renewed == "2023-11-14T22:13:24.000000Z")
    #expect(record.transitions == 0)
    #expect(a.settle(&server, at: .seconds(4)) == .wait(until: .seconds(8)))
    #expect(a.provenUntil == .seconds(12))
  }

  @Test("of two candidates one leads; the other reads the lease every two seconds")
  mutating func two() {
    _ = a.settle(&server, at: .zero)
    #expect(b.settle(&server, at: .seconds(1)) == .wait(until: .seconds(3)))
    #expect(b.holder == "a")
    #expect(!b.leads)
  }

  @Test("two candidates find no lease at the same time: one creates it, the other reads its holder")
  mutating func sameTime() {
    let (ours, theirs) = (b.next(now: .zero, wall: .zero), a.next(now: .zero, wall: .zero))
    #expect(ours == .read && theirs == .read)
    a.found(nil, at: .zero)
    b.found(nil, at: .zero)
    _ = a.settle(&server, at: .zero)
    #expect(b.settle(&server, at: .zero) == .wait(until: .seconds(2)))
    #expect(b.holder == "a" && a.leads)
  }

  @Test("after the last renewal the lease is taken over within fifteen seconds", arguments: 0..<20)
  mutating func takingOver(tenth: Int) {
    // The candidate's reads fall anywhere between the holder's renewals.
    var now = Duration.milliseconds(100 * tenth)
    _ = a.settle(&server, at: .zero)
    var last = Duration.zero
    while !b.leads {
      if now >= .seconds(4), last == .zero {
        last = .seconds(4)
        _ = a.settle(&server, at: last)  // and never again
      }
      guard case .wait(let until) = b.settle(&server, at: now) else { break }
      if !b.leads { now = max(now, min(until, last == .zero ? .seconds(4) : until)) }
    }
    #expect(b.leads)
    #expect(now - last >= .seconds(12), "before the lease could be over")
    #expect(now - last <= .seconds(15))
    #expect(server.object?.json["spec"]?["leaseTransitions"] == 1)
  }

  @Test("clock skew of an hour changes nothing", arguments: [-3600, 3600])
  mutating func skew(seconds: Int) {
    let wall = Duration.seconds(1_700_000_000)
    _ = a.settle(&server, at: .zero, wall: wall)
    #expect(b.settle(&server, at: .zero, wall: wall + .seconds(seconds)) == .wait(until: .seconds(2)))
    #expect(b.settle(&server, at: .seconds(11), wall: wall + .seconds(seconds)) == .wait(until: .seconds(12)))
    _ = b.settle(&server, at: .seconds(12), wall: wall + .seconds(seconds))
    #expect(b.leads)
  }

  @Test("an observed renewal postpones the end of the lease, however old its time is")
  mutating func oldTimes() {
    server.hold(by: "x", renewed: "1999-01-01T00:00:00.000000Z")
    _ = b.settle(&server, at: .zero)
    server.hold(by: "x", renewed: "1999-01-01T00:00:00.000001Z")
    _ = b.settle(&server, at: .seconds(10))
    #expect(b.settle(&server, at: .seconds(21)) == .wait(until: .seconds(22)))
    _ = b.settle(&server, at: .seconds(22))
    #expect(b.leads)
  }

  @Test("a change outside of the lease's spec does not postpone the end")
  mutating func labelled() {
    server.hold(by: "x", renewed: "1999-01-01T00:00:00.000000Z")
    _ = b.settle(&server, at: .zero)
    if var object = server.object {
      object.json["metadata"]?["labels"] = ["touched": "yes"]
      server.put(object)
    }
    _ = b.settle(&server, at: .seconds(10))
    _ = b.settle(&server, at: .seconds(12))
    #expect(b.leads)
    #expect(server.object?.label("touched") == "yes")
  }

  @Test(
    "the duration in the lease itself counts",
    arguments: [(30, 30), (0, 1), (nil, 12), (99_999, 3600)])
  mutating func otherDuration(said: Int?, meant: Int) {
    server.hold(by: "x", seconds: said, renewed: "1999-01-01T00:00:00.000000Z")
    _ = b.settle(&server, at: .zero)
    _ = b.settle(&server, at: .seconds(meant) - .milliseconds(1))
    #expect(!b.leads)
    _ = b.settle(&server, at: .seconds(meant))
    #expect(b.leads)
  }

  @Test("a lease without a holder is acquired at once", arguments: ["", nil])
  mutating func free(holder: String?) {
    server.put(LeaseRecord(holder: holder, transitions: 7).object(LeaseServer.name, over: nil))
    _ = b.settle(&server, at: .zero)
    #expect(b.leads)
    #expect(server.object?.json["spec"]?["leaseTransitions"] == 8)
  }

  @Test("a leader that ends releases the lease, and the next leads at its next read")
  mutating func release() {
    _ = a.settle(&server, at: .zero)
    _ = b.settle(&server, at: .seconds(1))
    let step = a.release(now: .seconds(2), wall: .zero)
    #expect(throws: Never.self) { try step.map { _ = try server.take($0) } }
    #expect(server.object?.json["spec"]?["holderIdentity"] == "")
    _ = b.settle(&server, at: .seconds(3))
    #expect(b.leads)
  }

  @Test("a leader that cannot renew stops leading after eight seconds, and has nothing to release")
  mutating func cutOff() {
    _ = a.settle(&server, at: .zero)
    for second in 4..<8 {
      let step = a.next(now: .seconds(second), wall: .zero)
      guard case .write = step else {
        Issue.record("no try at \(second) s: \(step)")
        return
      }
      a.failed(APIError(.unavailable, "no answer"), at: .seconds(second))
    }
    #expect(a.next(now: .milliseconds(7500), wall: .zero) == .wait(until: .seconds(8)))
    #expect(a.next(now: .seconds(8), wall: .zero) == .lost(.notRenewed))
    #expect(a.provenUntil == nil)
    #expect(a.release(now: .seconds(8), wall: .zero) == nil)
  }

  @Test("a renewal that conflicts with its own earlier write, whose answer was lost, continues")
  mutating func lostAnswer() throws {
    _ = a.settle(&server, at: .zero)
    _ = try server.take(a.next(now: .seconds(4), wall: .seconds(1)))
    a.failed(APIError(.timeout, "no answer in time"), at: .seconds(5))
    #expect(a.next(now: .seconds(5), wall: .zero) == .wait(until: .seconds(6)))
    #expect(a.settle(&server, at: .seconds(6)) == .wait(until: .seconds(10)))
    #expect(a.provenUntil == .seconds(14))
  }

  @Test("a conflict with another process's renewal ends leadership")
  mutating func overthrown() {
    _ = a.settle(&server, at: .zero)
    server.hold(by: "b", renewed: "1999-01-01T00:00:00.000000Z")
    #expect(a.settle(&server, at: .seconds(4)) == .lost(.taken(by: "b")))
    #expect(a.release(now: .seconds(4), wall: .zero) == nil)
  }

  @Test("a holder that was paused for long does nothing when it resumes, even before its next read")
  mutating func paused() {
    _ = a.settle(&server, at: .zero)
    _ = b.settle(&server, at: .seconds(1))
    _ = b.settle(&server, at: .seconds(13))
    #expect(b.leads)
    #expect(a.next(now: .seconds(60), wall: .zero) == .lost(.notRenewed))
  }

  @Test("a candidate that was paused for long does not take a lease that was renewed meanwhile")
  mutating func pausedCandidate() {
    _ = a.settle(&server, at: .zero)
    _ = b.settle(&server, at: .seconds(1))
    for second in stride(from: 4, through: 60, by: 4) { _ = a.settle(&server, at: .seconds(second)) }
    #expect(b.settle(&server, at: .seconds(61)) == .wait(until: .seconds(63)))
    #expect(!b.leads && a.leads)
  }

  @Test("a deleted lease is created again by its holder")
  mutating func deleted() {
    _ = a.settle(&server, at: .zero)
    server.remove()
    let step = a.next(now: .seconds(4), wall: .zero)
    guard case .write = step else {
      Issue.record("no renewal: \(step)")
      return
    }
    a.failed(APIError(.notFound, "no such lease"), at: .seconds(4))
    #expect(a.settle(&server, at: .seconds(4)) == .wait(until: .seconds(8)))
    #expect(a.leads && server.object != nil)
  }

  @Test("a candidate without an answer asks again after a while, or after the server's Retry-After")
  mutating func unanswered() {
    #expect(a.next(now: .zero, wall: .zero) == .read)
    a.failed(APIError(.unavailable, "no answer"), at: .zero)
    #expect(a.next(now: .seconds(1), wall: .zero) == .wait(until: .seconds(2)))
    a.failed(APIError(.throttled, "slowly", retryAfter: .seconds(9)), at: .seconds(2))
    #expect(a.next(now: .seconds(3), wall: .zero) == .wait(until: .seconds(11)))
    #expect(a.next(now: .seconds(11), wall: .zero) == .read)
  }

  @Test("a server that answers every write with a conflict is not asked without a pause")
  mutating func quarrel() {
    var asked = 0
    var step = a.next(now: .zero, wall: .zero)
    while asked < 100 {
      if case .read = step { a.found(nil, at: .zero) }
      if case .write = step { a.failed(APIError(.conflict, "no"), at: .zero) }
      if case .wait = step { break }
      asked += 1
      step = a.next(now: .zero, wall: .zero)
    }
    #expect(asked == 4)
  }

  @Test(
    "an instant has six digits after the point",
    arguments: [
      (Duration.seconds(0), "1970-01-01T00:00:00.000000Z"),
      (Duration.seconds(1_700_000_000) + .microseconds(42), "2023-11-14T22:13:20.000042Z"),
      (Duration.seconds(1) + .milliseconds(900), "1970-01-01T00:00:01.900000Z"),
    ])
  func instants(wall: Duration, text: String) {
    #expect(LeaseRecord.text(wall) == text)
  }
}
