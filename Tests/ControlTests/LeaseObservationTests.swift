import ClusterAPI
import KubeDirector
import Reports
import Testing
import Values

@testable import Control

@Suite("Whether a daemon leads by a Lease")
struct LeaseObservationTests {
  private let record = DaemonRecord(seen: 1000, fetched: 990, written: 900, problem: "the disk is full")
  private let start = ContinuousClock.now

  private func lease(
    _ renewed: Int, holder: String = "a_1_2", annotations: [String: String] = [:]
  ) -> Object {
    let spec: JSON = [
      "holderIdentity": .string(holder), "leaseDurationSeconds": 12,
      "renewTime": .string("\(Timestamp.text(renewed).dropLast()).123456Z"),
    ]
    return Object(
      .leases, namespace: "kdops-system", name: "kdops-default", annotations: annotations,
      content: ["spec": spec])
  }

  private func after(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

  @Test("a Lease that was just renewed by this machine's clock means that it runs, with its last activity")
  func running() {
    var observation = LeaseObservation()
    let annotations = [Wire.Annotation.activity: record.json.text(), Wire.Annotation.sync: "r1"]
    let state = observation.state(of: lease(1000, annotations: annotations), at: start, wall: 1004)
    #expect(state == DaemonState(.running, record, requested: SyncID(annotation: "r1")))
    #expect((state.fetched, state.written) == (990, 900))
  }

  @Test("a released or missing Lease means at once that no daemon runs")
  func released() {
    var observation = LeaseObservation()
    let released = observation.state(of: lease(1000, holder: ""), at: start, wall: 1001)
    #expect(released.life == .notRunning(lastSeen: 1000))
    let missing = observation.state(of: nil, at: after(1), wall: 1002)
    #expect(missing.life == .notRunning(lastSeen: nil))
  }

  @Test("a Lease that has not changed for its duration means that no daemon runs")
  func expired() {
    var observation = LeaseObservation()
    for (second, expected) in [
      (0, DaemonState.Life.running), (13, .running), (14, .notRunning(lastSeen: 1000)),
      (60, .notRunning(lastSeen: 1000)),
    ] {
      let state = observation.state(of: lease(1000), at: after(second), wall: 1000 + second)
      #expect(state.life == expected, "\(second)")
    }
    #expect(observation.state(of: lease(1061), at: after(61), wall: 1061).life == .running)
  }

  @Test(
    "if the clocks differ, it is unknown until the Lease changes or its duration has passed",
    arguments: [
      -3600, 3600,
    ])
  func clocks(_ difference: Int) {
    var alive = LeaseObservation()
    let first = alive.state(of: lease(5000), at: start, wall: 5000 + difference)
    guard case .unknown(let reason) = first.life else {
      Issue.record("\(first.life)")
      return
    }
    #expect(reason.contains("the clocks differ"))
    #expect(alive.state(of: lease(5004), at: after(4), wall: 5004 + difference).life == .running)
    #expect(alive.state(of: lease(5004), at: after(8), wall: 5008 + difference).life == .running)
    var dead = LeaseObservation()
    _ = dead.state(of: lease(5000), at: start, wall: 5000 + difference)
    #expect(
      dead.state(of: lease(5000), at: after(14), wall: 5014 + difference).life == .notRunning(lastSeen: 5000))
  }

  @Test("a request on the Lease is no sign of life")
  func request() {
    var observation = LeaseObservation()
    _ = observation.state(of: lease(1000), at: start, wall: 1000)
    let asked = lease(1000, annotations: [Wire.Annotation.sync: "r2"])
    #expect(observation.state(of: asked, at: after(14), wall: 1014).life == .notRunning(lastSeen: 1000))
  }

  @Test("an unreadable Lease means unknown, and nothing is assumed")
  func unknown() {
    var observation = LeaseObservation()
    let empty = Object(
      .leases, namespace: "n", name: "l", annotations: [Wire.Annotation.activity: "{\"schemaVersion\":1}"],
      content: ["spec": [:]])
    let state = observation.state(of: empty, at: start, wall: 1000)
    guard case .unknown = state.life else {
      Issue.record("\(state.life)")
      return
    }
    #expect(state.json["lastFetch"] == nil && state.json["lastWrite"] == nil)
  }
}
