import Diagnostics
import Reports
import Testing

@testable import Notifications

@Suite("Which changes of a status are announced")
struct AnnouncerTests {
  private func events(_ notifications: [StatusNotification]) -> [NotificationEvent] {
    notifications.map(\.event)
  }

  @Test("an upgrade that stalls, goes on and ends is announced twice, however often its report is sent")
  func upgrade() {
    var announcer = Announcer()
    func take(_ object: ObjectReport) -> [NotificationEvent] {
      events(announcer.commit(Sample.report(object), now: Sample.now))
    }
    #expect(take(Sample.object(.pending)) == [])
    #expect(take(Sample.object(.upgrading)) == [])
    #expect(take(Sample.object(.failed, message: "ErrImagePull", isStalled: true)) == [.stalled])
    #expect(take(Sample.object(.failed, message: "ErrImagePull again", isStalled: true)) == [])
    #expect(take(Sample.object(.upgrading)) == [])
    #expect(take(Sample.object(.done)) == [.done])
    #expect(take(Sample.object(.done)) == [])
  }

  @Test("each phase has its event")
  func phases() {
    var announcer = Announcer()
    var app = Sample.object(.done, "kafka-2", change: .create)
    app.kind = "KubeDirectorApp"
    var waitingApp = Sample.object(.waiting, "kafka-1", change: .delete)
    waitingApp.kind = "KubeDirectorApp"
    var superseded = Sample.object(.failed, "f")
    superseded.failure = .superseded
    let report = Sample.report(
      Sample.object(.rejected, "a"), Sample.object(.waiting, "b"), Sample.object(.failed, "c"),
      Sample.object(.done, "d", change: .rollback), Sample.object(.rollingBack, "e"), superseded, app,
      waitingApp)
    let new = announcer.commit(report, now: Sample.now)
    #expect(events(new) == [.rejected, .waiting, .failed, .rolledBack])
    #expect(new.map { $0.object?.name } == ["a", "b", "c", "d"])
  }

  @Test("the same cluster in another commit is announced again")
  func commits() {
    var announcer = Announcer()
    let done = Sample.object(.done)
    #expect(announcer.commit(Sample.report(done), now: Sample.now).count == 1)
    #expect(announcer.commit(Sample.report(done, commit: 2), now: Sample.now).count == 1)
  }

  @Test("after a restart, what was announced before is not announced again")
  func restart() {
    var first = Announcer()
    let stalled = Sample.report(Sample.object(.failed, isStalled: true))
    let announced = first.commit(stalled, now: Sample.now)
    var second = Announcer(ids: first.rememberedIDs)
    #expect(second.commit(stalled, now: Sample.now + 60).isEmpty)
    #expect(events(second.commit(Sample.report(Sample.object(.done)), now: Sample.now)) == [.done])
    // Without the record, a receiver can still recognize the notification by its id.
    var third = Announcer()
    #expect(third.commit(stalled, now: Sample.now + 60).map(\.id) == announced.map(\.id))
  }

  @Test("a commit that is blocked as a whole is announced without an object")
  func blockedCommit() throws {
    var announcer = Announcer()
    var commit = Sample.object(.rejected, Sample.sha(1), namespace: "", message: "no valid signature")
    commit.kind = ObjectReport.commitKind
    let new = try #require(announcer.commit(Sample.report(commit), now: Sample.now).first)
    #expect(new.object == nil && new.commit == Sample.sha(1) && new.message == "no valid signature")
  }

  @Test("drift of an object is announced once an hour")
  func drift() {
    var announcer = Announcer()
    let shop = Sample.object(.done).reference
    let hour = Announcer.driftInterval
    let start = Sample.now / hour * hour
    let counts = [start, start + 60, start + hour, start + hour + 1].map {
      announcer.drift(of: shop, path: "clusters/shop.yaml", now: $0).count
    }
    #expect(counts == [1, 0, 1, 0])
  }

  @Test("fetches that fail are announced after five minutes, once until one succeeds")
  func fetches() {
    var announcer = Announcer()
    let steps: [(String?, Int)] = [
      ("away", 0), ("away", 299), ("away", 300), ("away", 900), (nil, 901), ("away", 902), ("away", 1203),
    ]
    let counts = steps.map { announcer.fetched($0.0, now: Sample.now + $0.1).count }
    #expect(counts == [0, 0, 1, 0, 0, 0, 1])
  }

  @Test("the number of remembered ids is bounded")
  func bounds() {
    var announcer = Announcer()
    for number in 0..<(Announcer.idLimit + 10) {
      _ = announcer.commit(Sample.report(Sample.object(.done), commit: number), now: Sample.now)
    }
    #expect(announcer.rememberedIDs.count == Announcer.idLimit)
  }
}
