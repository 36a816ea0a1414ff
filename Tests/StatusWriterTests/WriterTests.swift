import GitStore
import Reports
import StatusWriter
import Synchronization
import TestSupport
import Testing
import Values

/// Records what it receives, and fails as often as requested.
private final class ListSink: StatusSink {
  struct Refusal: Error, CustomStringConvertible {
    let description = "cannot push to https://bot:hunter2@git.example/fleet.git: refused"
  }

  private struct State {
    var batches: [StatusBatch] = []
    var failures = 0
  }
  private let state = Mutex(State())

  var batches: [StatusBatch] { state.withLock { $0.batches } }

  func failNext(_ count: Int) { state.withLock { $0.failures = count } }

  func publish(_ batch: StatusBatch) async throws {
    let fails = state.withLock { state in
      guard state.failures == 0 else {
        state.failures -= 1
        return true
      }
      state.batches.append(batch)
      return false
    }
    if fails { throw Refusal() }
  }
}

@Suite("The status writer")
struct WriterTests {
  private let sink = ListSink()
  private let clock = TestClock()

  private func writer(_ errors: @escaping @Sendable (String) -> Void = { _ in }) -> StatusWriter {
    StatusWriter(
      sink: sink, settings: .init(backoff: Backoff(first: .seconds(1), limit: .seconds(1))), clock: clock,
      onFailure: errors)
  }

  private func report(_ phase: Phase, commit: String = Sample.commit) -> CommitReport {
    CommitReport(commit: commit, objects: [Sample.object("analytics", phase)])
  }

  /// Runs the writer during a test.
  private func running(_ writer: StatusWriter, _ body: () async throws -> Void) async rethrows {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await writer.run() }
      try await body()
      group.cancelAll()
    }
  }

  private func until(_ condition: () async -> Bool) async {
    while await !condition() { await Task.yield() }
  }

  @Test("publishes a commit's first verdict at once, and progress after the interval")
  func cadence() async {
    let writer = writer()
    await running(writer) {
      await writer.report(report(.pending))
      await until { sink.batches.count == 1 }
      await writer.report(report(.upgrading))
      await until { clock.sleeperCount == 1 }
      #expect(sink.batches.count == 1)
      await writer.report(report(.failed))
      clock.advance(by: .seconds(3))
      await until { sink.batches.count == 2 }
      #expect(sink.batches[1].notes[Sample.commit]?.hasPrefix("failed: prod/analytics") == true)
    }
  }

  @Test("writes nothing if nothing changed")
  func unchanged() async {
    let writer = writer()
    await writer.report(report(.pending))
    await writer.clusterChanged(ClusterFile(namespace: "prod", name: "a", status: Sample.upgrading))
    await writer.flush()
    await writer.report(report(.pending))
    await writer.clusterChanged(ClusterFile(namespace: "prod", name: "a", status: Sample.upgrading))
    await writer.flush()
    #expect(sink.batches.count == 1)
    #expect(await writer.state.isPending == false)
  }

  @Test("publishes failed content again, in its newest form, and reports the reason without credentials")
  func failure() async {
    let published = Mutex<[String]>([])
    let writer = writer { text in published.withLock { $0.append(text) } }
    sink.failNext(1)
    await running(writer) {
      await writer.report(report(.pending))
      await until { await writer.state.failures == 1 }
      #expect(await writer.state.lastError == "cannot push to https://git.example/fleet.git: refused")
      await writer.report(report(.done))
      await writer.report(report(.rejected, commit: "another"))
      await until { clock.sleeperCount == 1 }
      clock.advance(by: .seconds(1))
      await until { sink.batches.count == 1 }
      #expect(sink.batches[0].notes[Sample.commit]?.hasPrefix("done") == true)
      #expect(sink.batches[0].notes["another"]?.hasPrefix("rejected") == true)
      await until { await writer.state.lastError == nil }
    }
    #expect(published.withLock { $0.count } == 1)
  }

  @Test("flushing writes pending content without waiting for the interval")
  func flush() async {
    let writer = writer()
    await writer.report(report(.pending))
    await writer.flush()
    await writer.report(report(.done))
    await writer.flush()
    #expect(sink.batches.count == 2)
    await writer.flush()
    #expect(sink.batches.count == 2)
  }

  @Test("the file of a deleted cluster is removed")
  func gone() async {
    let writer = writer()
    await writer.clusterChanged(ClusterFile(namespace: "prod", name: "a", status: Sample.configured))
    await writer.flush()
    await writer.clusterGone(namespace: "prod", name: "a")
    await writer.clusterGone(namespace: "prod", name: "never-there")
    await writer.flush()
    #expect(sink.batches.last?.files == ["prod/a.yaml": .none])
  }

  @Test("writes everything again after it was overwritten, and removes what others added")
  func again() async {
    let writer = writer()
    await writer.writeAgain()
    await writer.flush()
    #expect(sink.batches.isEmpty)
    await writer.clustersAre([("prod", "a"), ("prod", "b")])
    await writer.report(report(.done))
    await writer.clusterChanged(ClusterFile(namespace: "prod", name: "a", status: Sample.configured))
    await writer.flush()
    await writer.clusterGone(namespace: "prod", name: "b")
    await writer.flush()
    await writer.writeAgain()
    await writer.flush()
    #expect(sink.batches.last?.notes.keys.sorted() == [Sample.commit])
    #expect(sink.batches.last?.files.keys.sorted() == ["prod/a.yaml"])
    #expect(sink.batches.last?.keeping == ["prod/a.yaml"])
  }

  @Test("a note names its cluster")
  func owner() async {
    let owner = StatusOwner(id: "1f2e3d4c-0000", name: "embedded cluster prod on a")
    let writer = StatusWriter(sink: sink, owner: owner, clock: clock)
    await writer.report(report(.done))
    await writer.flush()
    let note = sink.batches[0].notes[Sample.commit] ?? ""
    #expect(note.contains("\ncluster:\n"))
    #expect(note.contains("1f2e3d4c-0000") && note.contains("embedded cluster prod on a"))
  }

  @Test("after a start lists the existing clusters, and again if that failed")
  func keeping() async {
    let writer = writer()
    sink.failNext(1)
    await writer.clustersAre([("prod", "a"), ("..", "x")])
    await writer.flush()
    await writer.clusterChanged(ClusterFile(namespace: "prod", name: "b", status: Sample.configured))
    await writer.flush()
    await writer.clusterChanged(ClusterFile(namespace: "prod", name: "c", status: Sample.configured))
    await writer.flush()
    #expect(sink.batches.map(\.keeping) == [["prod/a.yaml"], nil])
    #expect(sink.batches[0].files.keys.sorted() == ["prod/b.yaml"])
  }
}
