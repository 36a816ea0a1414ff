import Testing

@testable import Reconciler

@Suite("Requeue")
struct RequeueTests {
  @Test("the shorter time of two steps counts")
  func shorter() {
    #expect(Requeue.none.merged(with: .none) == .none)
    #expect(Requeue.none.merged(with: .after(.seconds(5))) == .after(.seconds(5)))
    #expect(Requeue.after(.seconds(5)).merged(with: .after(.seconds(3))) == .after(.seconds(3)))
    #expect(Requeue.after(.seconds(5)).merged(with: .now) == .now)
  }

  @Test("a failure is kept, whatever other steps return, so that the delays of its retries grow")
  func failure() {
    #expect(Requeue.backoff().merged(with: .none) == .backoff())
    #expect(Requeue.after(.seconds(3)).merged(with: .backoff()) == .backoff(atMost: .seconds(3)))
    #expect(Requeue.backoff(atMost: .seconds(3)).merged(with: .now) == .backoff(atMost: .zero))
  }
}

@Suite("The schedule of passes")
struct PassScheduleTests {
  @Test("starts no timer after a pass that succeeded")
  func nothing() {
    var schedule = PassSchedule()
    schedule.beginPass()
    #expect(schedule.isInPass)
    #expect(schedule.endPass(.none, awaitsPermission: false) == [])
    #expect(!schedule.isInPass)
  }

  @Test("starts the next pass at once or after a time")
  func wait() {
    var schedule = PassSchedule()
    #expect(schedule.endPass(.now, awaitsPermission: false) == [.init(timer: .pass, wait: .zero)])
    #expect(
      schedule.endPass(.after(.seconds(7)), awaitsPermission: false)
        == [.init(timer: .pass, wait: .seconds(7))])
  }

  @Test(
    "retries after a failure with growing delays, one retry at a time, also if other passes run in between")
  func retries() {
    var schedule = PassSchedule()
    #expect(
      schedule.endPass(.backoff(), awaitsPermission: false)
        == [.init(timer: .retry(1), wait: .milliseconds(500))])
    #expect(schedule.endPass(.backoff(), awaitsPermission: false) == [])
    schedule.end(.retry(1))
    #expect(
      schedule.endPass(.backoff(), awaitsPermission: false) == [.init(timer: .retry(2), wait: .seconds(1))])
    #expect(schedule.endPass(.none, awaitsPermission: false) == [])
    #expect(
      schedule.endPass(.backoff(), awaitsPermission: false)
        == [.init(timer: .retry(3), wait: .milliseconds(500))])
  }

  @Test("keeps the delays of refused changes apart from those of failures")
  func permissions() {
    var schedule = PassSchedule()
    #expect(
      schedule.endPass(.none, awaitsPermission: true)
        == [.init(timer: .permissions(1), wait: .milliseconds(500))])
    schedule.end(.permissions(1))
    #expect(
      schedule.endPass(.backoff(), awaitsPermission: true)
        == [
          .init(timer: .retry(1), wait: .milliseconds(500)), .init(timer: .permissions(2), wait: .seconds(1)),
        ])
  }

  @Test("lets reports wait after a report, so that many events make few reports")
  func reports() {
    var schedule = PassSchedule()
    let start = PassSchedule.Start(timer: .reports, wait: PassSchedule.reportInterval)
    #expect(schedule.startReports() == start)
    #expect(schedule.startReports() == nil)
    schedule.end(.reports)
    #expect(schedule.startReports() == start)
  }
}
