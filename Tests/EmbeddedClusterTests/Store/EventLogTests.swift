import ClusterAPI
import KubeDirector
import Testing

@testable import EmbeddedCluster

@Suite("The events of the store", .timeLimit(.minutes(2)))
struct EventLogTests {
  @Test("watchers that are cancelled while changes are published do not block the writer")
  func cancellation() async throws {
    let log = EventLog(version: 0, window: 100, backlog: 100)
    let pod = Object(.pods, namespace: "n", name: "p")
    let writer = Task {
      var version: Int64 = 0
      while !Task.isCancelled {
        version += 1
        log.publish([Change(version: version, kind: pod.kind, name: pod.objectName, old: nil, new: pod)])
        if version % 50 == 0 { await Task.yield() }
      }
      return version
    }
    for _ in 0..<20_000 {
      let watch = Task {
        for try await _ in log.watch(kind: pod.kind, namespace: nil, labels: .everything, after: "") {}
      }
      await Task.yield()
      watch.cancel()
      _ = await watch.result
    }
    writer.cancel()
    let version = await writer.value
    #expect(version > 0)
  }
}
