import ClusterAPI
import TestSupport
import Testing
import Values

@testable import Kubernetes

@Suite("Writes of a leader with an expiring lease")
struct FencedTests {
  let clock = TestClock()

  /// A client on which every call succeeds.
  private struct SucceedingAPI: ClusterAPI {
    let object = Object(.pods, namespace: "n", name: "p")
    func get(_ resource: Resource, _ name: ObjectName) -> Object { object }
    func list(_ resource: Resource, namespace: String?, labels: LabelSelector) -> ObjectList {
      ObjectList(items: [object], resourceVersion: "1")
    }
    func watch(
      _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
    ) -> AsyncThrowingStream<WatchEvent, any Error> { AsyncThrowingStream { $0.finish() } }
    func create(_ object: Object) -> Object { object }
    func update(_ object: Object) -> Object { object }
    func updateStatus(_ object: Object) -> Object { object }
    func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) -> Object { object }
    func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions) {}
    func exec(_ pod: ObjectName, _ request: ExecRequest) -> ExecResult { ExecResult(exitCode: 0) }
  }

  private static let name = ObjectName(namespace: "n", name: "p")

  enum Write: CaseIterable {
    case create, update, updateStatus, patch, delete, exec
  }

  private func perform(_ write: Write, _ api: any ClusterAPI) async throws(APIError) {
    let object = Object(.pods, namespace: "n", name: "p")
    switch write {
    case .create: _ = try await api.create(object)
    case .update: _ = try await api.update(object)
    case .updateStatus: _ = try await api.updateStatus(object)
    case .patch: _ = try await api.patch(.pods, Self.name, merge: [:])
    case .delete: try await api.delete(.pods, Self.name, .none)
    case .exec: _ = try await api.exec(Self.name, ExecRequest(command: ["true"]))
    }
  }

  @Test(
    "every write and command passes while the lease is proven, and is refused from its end on",
    arguments: Write.allCases)
  func writes(write: Write) async throws {
    let proof = Proof(until: .seconds(8), MonotonicTime(clock))
    let fenced = Fenced(SucceedingAPI(), leader: Leader(identity: "a", proof: proof))
    try await perform(write, fenced)
    clock.advance(by: .milliseconds(7999))
    try await perform(write, fenced)
    clock.advance(by: .milliseconds(1))
    let error = await #expect(throws: APIError.self) { try await perform(write, fenced) }
    #expect(error?.kind == .conflict)
    #expect(
      error?.message
        == "Pod n/p: left alone, because another daemon leads by now or may; this one stands again")
  }

  @Test("reads always pass")
  func reads() async throws {
    let proof = Proof(until: .zero, MonotonicTime(clock))
    let fenced = Fenced(SucceedingAPI(), leader: Leader(identity: "a", proof: proof))
    #expect(try await fenced.get(.pods, Self.name).name == "p")
    #expect(try await fenced.list(.pods, namespace: nil, labels: .everything).items.count == 1)
    for try await _ in fenced.watch(.pods, namespace: nil, labels: .everything, after: "1") {}
  }

  @Test("a renewal extends the proof, but does not restore an expired one")
  func renewal() async throws {
    let proof = Proof(until: .seconds(8), MonotonicTime(clock))
    clock.advance(by: .seconds(4))
    proof.extend(until: .seconds(12))
    clock.advance(by: .seconds(5))
    #expect(proof.holds)
    clock.advance(by: .seconds(3))
    proof.extend(until: .seconds(20))
    #expect(!proof.holds)
  }

  @Test("a revoked proof stays revoked")
  func revoked() {
    let proof = Proof(until: .seconds(8), MonotonicTime(clock))
    proof.revoke()
    proof.extend(until: .seconds(20))
    #expect(!proof.holds)
  }
}
