import ClusterAPI
import Testing

@testable import Controller

@Suite("The work queue")
struct WorkQueueTests {
  private let a = ObjectName(namespace: "prod", name: "a")
  private let b = ObjectName(namespace: "prod", name: "b")

  @Test("hands each name out once, however often it was added")
  func once() async {
    let queue = WorkQueue()
    await queue.add([a, b, a])
    #expect(await queue.next() == a)
    #expect(await queue.next() == b)
    #expect(await queue.depth == 0)
  }

  @Test("never gives a name to two workers, and gives it again when it was asked for meanwhile")
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

  @Test("waits longer after each failure in a row, and forgets them after a success")
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

  @Test("gives waiting workers nil when it is closed, and takes nothing more")
  func closing() async {
    let queue = WorkQueue()
    async let waiting = queue.next()
    await queue.close()
    #expect(await waiting == nil)
    await queue.add(a)
    #expect(await queue.next() == nil)
  }

  @Test("wakes a waiting worker with the name that comes")
  func waking() async {
    let queue = WorkQueue()
    async let waiting = queue.next()
    await queue.add(b)
    #expect(await waiting == b)
  }
}
