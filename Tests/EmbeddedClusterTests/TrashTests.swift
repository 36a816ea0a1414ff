import Dispatch
import Synchronization
import Testing

@testable import EmbeddedCluster

@Suite("What was thrown away")
struct TrashTests {
  @Test("nobody waits for its removal, and what comes meanwhile is removed after it")
  func removal() async {
    let rounds = Mutex(0)
    let isRemoving = Completion<Void>()
    let mayEnd = DispatchSemaphore(value: 0)
    let trash = TrashRemover {
      let round = rounds.withLock { count in
        count += 1
        return count
      }
      if round == 1 {
        isRemoving.complete(())
        mayEnd.wait()
      }
      return []
    }
    await trash.wake()
    try? await isRemoving.wait()
    await trash.wake()
    await trash.wake()
    #expect(rounds.withLock { $0 } == 1)
    mayEnd.signal()
    await trash.settle()
    #expect(rounds.withLock { $0 } == 2)
  }
}
