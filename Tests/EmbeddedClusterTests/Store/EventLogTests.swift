import ClusterAPI
import KubeDirector
import Testing

@testable import EmbeddedCluster

@Suite("The events of the store")
struct EventLogTests {
  /// The time limit ends the test where a watcher and the writer wait for each other.
  @Test(
    "watchers that are cancelled while changes are published do not block the writer", .timeLimit(.minutes(5))
  )
  func cancellation() async throws {
    let log = EventLog(version: 0, window: 100, backlog: 100)
    let pod = Object(.pods, namespace: "n", name: "p")
    let rounds: Int64 = 2000
    let changes: Int64 = 20
    for round in 0..<rounds {
      let watch = Task {
        for try await _ in log.watch(kind: pod.kind, namespace: nil, labels: .everything, after: "") {}
      }
      let writer = Task {
        for version in round * changes + 1...(round + 1) * changes {
          log.publish([Change(version: version, kind: pod.kind, name: pod.objectName, old: nil, new: pod)])
        }
      }
      await Task.yield()
      watch.cancel()
      _ = await watch.result
      await writer.value
    }
    let events = log.watch(
      kind: pod.kind, namespace: nil, labels: .everything, after: String(rounds * changes - 1))
    var iterator = events.makeAsyncIterator()
    let last = try await iterator.next()
    #expect(last == .added(pod))
  }
}
