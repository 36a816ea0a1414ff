import ClusterAPI
import Testing
import Values

@testable import Kubernetes

@Suite(
  "Two daemons on a real Kubernetes",
  .enabled(if: RealNode.isThere, "KUBECONFIG_FOR_TESTS names none"), .timeLimit(.minutes(10)))
struct LeadershipNodeTests {
  @Test("a leader that is cut off stops before the other leads, and the other leads soon")
  func takingOver() async throws {
    try await RealNode.with { client, namespace in
      let lease = ObjectName(namespace: namespace, name: "kdops")
      let happened = Shared<[String]>([])
      let (cut, begin) = AsyncStream<Void>.makeStream()
      let clock = ContinuousClock()
      let way = DisconnectableAPI(api: client)

      let first = Task {
        try await Leadership(api: way, lease: lease, identity: "first").hold { leader in
          happened.change { $0.append("first leads") }
          begin.finish()
          try? await forever()
          happened.change { $0.append("first stops") }
          let fenced = Fenced(client, leader: leader)
          do throws(APIError) {
            try await fenced.delete(.leases, lease, .none)
          } catch {
            happened.change { $0.append("first: \(error.kind)") }
          }
        }
      }
      for await _ in cut {}
      let second = Task {
        try await Leadership(api: client, lease: lease, identity: "second")
          .hold(onWaiting: { holder in happened.change { $0.append("second waits for \(holder)") } }) { _ in
            happened.change { $0.append("second leads") }
            return try await client.get(.leases, lease)
          }
      }
      while !happened.value.contains("second waits for first") { await Task.yield() }
      way.isCut.change { $0 = true }
      let start = clock.now
      await #expect(throws: LeadershipLost.self) { try await first.value }
      let held = LeaseRecord(try await second.value)
      // The limit of fifteen seconds is tested without load, by the scenario in which a leader is killed.
      #expect(clock.now - start <= .seconds(30))
      #expect(
        happened.value == [
          "first leads", "second waits for first", "first stops", "first: conflict", "second leads",
        ])
      #expect(held.holder == "second" && held.transitions == 1)
      // It released the lease at its end, so the next one leads at once.
      #expect(LeaseRecord(try await client.get(.leases, lease)).holder == nil)
      let third = clock.now
      try await Leadership(api: client, lease: lease, identity: "third").hold { _ in }
      #expect(clock.now - third < .seconds(5))
    }
  }

  @Test("a missing namespace is reported at once")
  func nowhere() async throws {
    try await RealNode.with { client, namespace in
      let lease = ObjectName(namespace: "\(namespace)-not", name: "kdops")
      let error = await #expect(throws: APIError.self) {
        try await Leadership(api: client, lease: lease).hold { _ in }
      }
      #expect(error?.kind == .notFound)
    }
  }
}
