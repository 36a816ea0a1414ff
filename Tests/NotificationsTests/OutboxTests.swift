import Reports
import Testing
import Values

@testable import Notifications

@Suite("Notifications that are not delivered yet")
struct OutboxTests {
  private func notification(
    _ number: Int, _ event: NotificationEvent = .done, namespace: String = "prod", commit: Int? = nil
  ) -> StatusNotification {
    StatusNotification(
      event, of: Sample.object(.done, "c\(number)", namespace: namespace).reference, key: "\(number)",
      time: Sample.now, commit: Sample.sha(commit ?? number))
  }

  @Test("each target gets what its filters accept, in order")
  func filters() throws {
    var outbox = Outbox([
      try Sample.target(["name": "all"]),
      try Sample.target(["name": "prod", "clusters": ["prod/*"], "on": ["stalled", "blocked"]]),
    ])
    #expect(outbox.put(notification(1)) == ["all"])
    #expect(outbox.put(notification(2, .stalled)) == ["all", "prod"])
    #expect(outbox.put(notification(3, .rejected)) == ["all", "prod"])
    // `waiting` is not among the standard events.
    #expect(outbox.put(notification(4, .waiting)) == ["prod"])
    #expect(outbox.put(notification(5, .stalled, namespace: "dev")) == ["all"])
    let first = try #require(outbox.next("prod"))
    #expect(first == notification(2, .stalled))
    outbox.remove(first, of: "prod")
    #expect(outbox.next("prod") == notification(3, .rejected))
    #expect(outbox.next("all") == notification(1))
    #expect(outbox.next("unknown") == nil)
  }

  @Test("a notification about a whole commit passes the filter by cluster")
  func wholeCommit() throws {
    var outbox = Outbox([try Sample.target(["clusters": ["prod/*"]])])
    let blocked = StatusNotification(.rejected, of: nil, key: "1", time: Sample.now, commit: Sample.sha(1))
    #expect(outbox.put(blocked) == ["ops"])
  }

  @Test("the same notification is not added twice")
  func duplicates() throws {
    var outbox = Outbox([try Sample.target([:])])
    _ = outbox.put(notification(1))
    _ = outbox.put(notification(1))
    #expect(outbox.count == 1)
  }

  @Test("beyond its limit, a target loses its oldest notifications, and they are counted")
  func limit() throws {
    var outbox = Outbox([try Sample.target([:])])
    for number in 0..<(Outbox.limit + 3) { _ = outbox.put(notification(number)) }
    #expect(outbox.count == Outbox.limit)
    #expect(outbox.next("ops") == notification(3))
    #expect(outbox.takeDropped("ops") == 3)
    #expect(outbox.takeDropped("ops") == 0)
  }

  @Test("a commit that changes many clusters is announced for the first ones, and once for the others")
  func flood() throws {
    var outbox = Outbox([try Sample.target([:])])
    for number in 0..<50 { _ = outbox.put(notification(number, commit: 7)) }
    #expect(outbox.count == Outbox.burst + 1)
    _ = outbox.put(notification(50, .stalled, commit: 7))
    #expect(outbox.count == Outbox.burst + 2)
  }

  @Test("the stored form is read again, before what was added since")
  func restore() throws {
    let targets = [try Sample.target([:]), try Sample.target(["name": "gone"])]
    var first = Outbox(targets)
    var announcer = Announcer()
    let report = Sample.report(Sample.object(.failed, message: "ErrImagePull", isStalled: true))
    let stalled = announcer.commit(report, now: Sample.now)
    for one in stalled + [notification(2)] { _ = first.put(one) }
    var second = Outbox([targets[0]])
    _ = second.put(notification(3))
    _ = second.put(notification(2))
    second.restore(try JSON.parse(first.json.serialized()))
    var order: [StatusNotification] = []
    while let next = second.next("ops") {
      order.append(next)
      second.remove(next, of: "ops")
    }
    #expect(order == stalled + [notification(2), notification(3)])
    #expect(second.json == [:])
  }

  @Test("a stored form that would become too large leaves out the oldest of the fullest target")
  func storedLimit() throws {
    var outbox = Outbox([
      try Sample.target(["name": "all"]), try Sample.target(["name": "dev", "clusters": ["dev/*"]]),
    ])
    for number in 0..<20 { _ = outbox.put(notification(number)) }
    _ = outbox.put(notification(20, namespace: "dev"))
    let size = outbox.json.serialized().count
    let stored = outbox.stored(limit: size / 2)
    #expect(stored.serialized().count < size / 2 + 50)
    #expect(stored["dev"]?.array?.count == 1)
    let kept = stored["all"]?.array ?? []
    #expect(
      (5..<20).contains(kept.count) && kept.last?["id"]?.string == notification(20, namespace: "dev").id)
    #expect(outbox.count == 22)
  }

  @Test("a damaged record loses only what cannot be read", arguments: ["7", "[]", "{\"ops\": [7, {}]}"])
  func damaged(_ text: String) throws {
    var outbox = Outbox([try Sample.target([:])])
    outbox.restore(try JSON.parse(Array(text.utf8)))
    #expect(outbox.count == 0)
  }
}
