import ClusterAPI
import KubeDirector
import SQLite
import Testing
import Values

@testable import EmbeddedCluster

@Suite("An embedded cluster that cannot write")
struct FullDiskTests {
  /// Makes writes of objects fail as they do on a full disk, or succeed again.
  private static func fill(_ fixture: ClusterFixture, _ isFull: Bool) throws {
    let database = try Connection(path: "\(fixture.directory)/\(ClusterFolder.database)")
    try database.execute(
      script: isFull
        ? "CREATE TRIGGER full BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        : "DROP TRIGGER full")
  }

  private static func service(_ name: String) -> Object {
    Object(.services, namespace: "default", name: name)
  }

  @Test("refuses writes after a failed one for a second, then twice as long, and reads what is on disk")
  func refuses() async throws {
    try await ClusterFixture.with(runs: false) { fixture in
      _ = try await fixture.cluster.create(Self.service("a"))
      try Self.fill(fixture, true)
      for delay in [1, 2, 4] {
        await fixture.expect(.unavailable) { _ = try await fixture.cluster.create(Self.service("b")) }
        try Self.fill(fixture, false)
        await fixture.expect(.unavailable) { _ = try await fixture.cluster.create(Self.service("b")) }
        let names = try await fixture.cluster.list(.services, namespace: nil, labels: .everything).items
        #expect(names.map(\.name) == ["a"])
        try Self.fill(fixture, true)
        fixture.clock.advance(by: .seconds(delay))
      }
      try Self.fill(fixture, false)
      _ = try await fixture.cluster.create(Self.service("b"))
      _ = try await fixture.cluster.create(Self.service("c"))
    }
  }

  @Test("starts its pods once the disk has space, without an event")
  func continues() async throws {
    try await ClusterFixture.with { fixture in
      try Self.fill(fixture, true)
      await fixture.expect(.unavailable) {
        _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      }
      await fixture.cluster.settle()
      try Self.fill(fixture, false)
      fixture.clock.advance(by: .seconds(1))
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      try Self.fill(fixture, true)
      _ = try? await fixture.patch("web", ["spec": ["replicas": 2]])
      await fixture.cluster.settle()
      try Self.fill(fixture, false)
      fixture.clock.advance(by: .seconds(2))
      await fixture.cluster.settle()
      #expect(try await fixture.pods().allSatisfy { $0.hasSuffix(" ready") })
      #expect(try await fixture.pods().count >= 1)
    }
  }

  @Test("starts its pods also if a write is the first thing that happens after the wait")
  func writesFirst() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      try Self.fill(fixture, true)
      await fixture.expect(.unavailable) { _ = try await fixture.cluster.create(Self.service("a")) }
      try Self.fill(fixture, false)
      fixture.clock.advance(by: .seconds(1))
      _ = try await fixture.cluster.create(Self.service("b"))
      await fixture.cluster.settle()
      let pods = try await fixture.pods()
      #expect(pods == ["web-0 app:1 ready"])
    }
  }

  @Test("writes again at once if the clock is set back during the wait")
  func clock() {
    var backoff = WriteBackoff()
    let first = backoff.failed("full", at: .seconds(1000))
    #expect(backoff.refusal(at: .seconds(1000)) == "full")
    #expect(backoff.refusal(at: .seconds(10)) == nil)
    let isOver = backoff.resume(at: .seconds(10))
    let second = backoff.failed("full", at: .seconds(10))
    #expect(isOver && first == .seconds(1) && second == .seconds(2))
  }
}
