import Reports
import Testing

@testable import Daemon

@Suite("The daemon's record of its activity")
struct DaemonActivityTests {
  @Test("has the reconciled commit and the last requests that were answered, and is stored with each change")
  func reconciled() {
    let stored = Shared<DaemonRecord?>(nil)
    let activity = DaemonActivity(now: { 7 })
    #expect(activity.record.synced == [])
    activity.keep { stored.value = $0 }
    let ids = (0..<20).map { SyncID(annotation: "\($0)") }
    for id in ids { activity.reconciled("4f2c9ab", [id]) }
    #expect(activity.record.applied == "4f2c9ab")
    #expect(activity.record.synced == Array(ids.suffix(DaemonRecord.syncLimit)))
    #expect(stored.value == activity.record)
  }
}
