import ClusterAPI
import Testing

@testable import Controller

@Suite("The work queue")
struct WorkQueueTests {
  private let a = ObjectName(namespace: "prod", name: "a")
  private let b = ObjectName(namespace: "prod", name: "b")

  @Test("returns each name once, even if it was added several times")
  func once() async {
    let queue = WorkQueue()
    await queue.add([a, b, a])
    #expect(await queue.next() == a)
    #expect(await queue.next() == b)
    #expect(await queue.depth == 0)
  }

  @Test("never gives a name to two workers, and returns it again if it was added meanwhile")
  func oneAtATime() async {
    let queue = WorkQueue()
    await queue.add(a)
    #expect(await queue.next() == a)
    await queue.add([a, b])
    #expect(await queue.next() == b)
    #expect(await queue.depth == 0)
    _ = await queue.done(a, failed: false)
    #expect(await queue.next() == a)
  }

  @Test("waits longer after each consecutive failure, and resets after a success")
  func backoff() async {
    let queue = WorkQueue()
    var waits: [Duration?] = []
    for failed in [true, true, true, false, true] {
      await queue.add(a)
      _ = await queue.next()
      waits.append(await queue.done(a, failed: failed))
    }
    #expect(waits == [.milliseconds(50), .milliseconds(100), .milliseconds(200), nil, .milliseconds(50)])
  }

  @Test("returns nil to waiting workers when it is closed, and accepts nothing more")
  func closing() async {
    let queue = WorkQueue()
    async let waiting = queue.next()
    await queue.close()
    #expect(await waiting == nil)
    await queue.add(a)
    #expect(await queue.next() == nil)
  }

  @Test("wakes a waiting worker when a name is added")
  func waking() async {
    let queue = WorkQueue()
    async let waiting = queue.next()
    await queue.add(b)
    #expect(await waiting == b)
  }
}

@Suite("Timers of the work queue")
struct AlarmTests {
  private let a = ObjectName(namespace: "prod", name: "a")

  @Test("make a later timer for the same name unnecessary")
  func one() async throws {
    let queue = WorkQueue()
    let first = try #require(await queue.schedule(a, after: .seconds(5)))
    #expect(await queue.schedule(a, after: .seconds(5)) == nil)
    #expect(await queue.schedule(a, after: .seconds(60)) == nil)
    await queue.fire(a, first)
    #expect(await queue.next() == a)
    #expect(await queue.schedule(a, after: .seconds(5)) != nil)
  }

  @Test("are set in addition to a later one if they are earlier")
  func earlier() async throws {
    let queue = WorkQueue()
    let late = try #require(await queue.schedule(a, after: .seconds(60)))
    let soon = try #require(await queue.schedule(a, after: .seconds(1)))
    await queue.fire(a, late)
    #expect(await queue.schedule(a, after: .seconds(1)) == nil)
    await queue.fire(a, soon)
    #expect(await queue.schedule(a, after: .seconds(1)) != nil)
  }
}
