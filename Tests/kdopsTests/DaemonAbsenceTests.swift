import Reports
import Testing

@testable import kdops

@Suite("The absence of a daemon")
struct DaemonAbsenceTests {
  @Test("is confirmed after the patience, and begins again after a daemon ran")
  func confirmed() {
    var absence = DaemonAbsence(patience: .seconds(30))
    let start = ContinuousClock.now
    let dead = DaemonState(.notRunning(lastSeen: nil))
    for (second, state, isConfirmed) in [
      (0, dead, false), (29, dead, false), (30, dead, true), (31, DaemonState(.running), false),
      (32, dead, false), (61, dead, false), (62, dead, true), (63, DaemonState(.unknown("x")), false),
    ] {
      let result = absence.isConfirmed(state, now: start.advanced(by: .seconds(second)))
      #expect(result == isConfirmed, "\(second)")
    }
  }

  @Test("is confirmed at once without patience")
  func embedded() {
    var absence = DaemonAbsence(patience: .zero)
    let dead = absence.isConfirmed(DaemonState(.notRunning(lastSeen: nil)), now: .now)
    let running = absence.isConfirmed(DaemonState(.running), now: .now)
    #expect(dead)
    #expect(!running)
  }
}
