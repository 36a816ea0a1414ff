import GitStore
import Testing
import Values

@testable import StatusWriter

@Suite("The schedule of publications")
struct PublishScheduleTests {
  private func schedule() -> PublishSchedule {
    PublishSchedule(interval: .seconds(3), backoff: Backoff(first: .seconds(1), limit: .seconds(8)))
  }

  @Test("without changes nothing is due")
  func idle() {
    #expect(schedule().due(.seconds(100)) == .idle)
  }

  @Test(
    "the first change is published at once, progress three seconds later, a first verdict in between at once")
  func transcript() {
    var schedule = schedule()
    schedule.want(urgent: true)
    #expect(schedule.due(.seconds(0)) == .now)
    schedule.begin()
    schedule.succeed(.seconds(1))
    #expect(schedule.due(.seconds(1)) == .idle)
    schedule.want(urgent: false)
    #expect(schedule.due(.seconds(2)) == .at(.seconds(4)))
    schedule.want(urgent: true)
    #expect(schedule.due(.seconds(2)) == .now)
    schedule.begin()
    schedule.succeed(.seconds(2))
    schedule.want(urgent: false)
    #expect(schedule.due(.seconds(4)) == .at(.seconds(5)))
    #expect(schedule.due(.seconds(5)) == .now)
  }

  @Test("a change during a publication is not lost")
  func during() {
    var schedule = schedule()
    schedule.want(urgent: false)
    schedule.begin()
    schedule.want(urgent: false)
    schedule.succeed(.seconds(1))
    #expect(schedule.due(.seconds(1)) == .at(.seconds(4)))
  }

  @Test("failures are retried with growing delays, whatever changes meanwhile, until one succeeds")
  func failures() {
    var schedule = schedule()
    schedule.want(urgent: true)
    for (now, next) in [(0, 1), (1, 3), (3, 7), (7, 15), (15, 23)] {
      #expect(schedule.due(.seconds(now)) == .now)
      schedule.begin()
      schedule.fail(.seconds(now), random: 1)
      schedule.want(urgent: true)
      #expect(schedule.due(.seconds(now)) == .at(.seconds(next)))
    }
    schedule.begin()
    schedule.succeed(.seconds(23))
    #expect(schedule.due(.seconds(23)) == .idle)
    schedule.want(urgent: true)
    #expect(schedule.due(.seconds(23)) == .now)
  }
}
