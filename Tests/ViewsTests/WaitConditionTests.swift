import ClusterAPI
import Diagnostics
import KubeDirector
import Reports
import Testing
import Values

@testable import Views

@Suite("The state that a user waits for")
struct WaitConditionTests {
  private static let reference = ObjectReference.cluster("prod", "a")
  private static let commit = "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10"
  private let configured = WaitCondition(Self.reference, .configured)
  private let done = WaitCondition(Self.reference, .done(commit: Self.commit))

  private func object(
    _ state: ClusterStatus.State, stall: String? = nil, annotations: [String: String] = [:],
    generation: Int = 1
  ) -> Object {
    var object = Object(.clusters, namespace: "prod", name: "a", annotations: annotations)
    object.json["metadata"]?["generation"] = JSON(generation)
    object.json["status"] =
      ClusterStatus(
        state: state, app: "spark-1.1.0", specCommit: Self.commit, observedGeneration: 1,
        roles: [
          RoleStatus(
            id: "w", statefulSet: "a-w", members: [MemberStatus(pod: "a-w-0", nodeID: 1, state: .configured)])
        ],
        conditions: stall.map {
          [Condition(type: .stalled, status: true, reason: "ErrImagePull", message: $0, lastTransition: 0)]
        } ?? []
      ).json
    return object
  }

  private func blocked(_ verdict: BlockedChange.Verdict) -> BlockedChangeList {
    BlockedChangeList(changes: [
      BlockedChange(
        commit: Self.commit, object: Self.reference, verdict: verdict, rules: ["upgrade/newer"],
        message: "not newer")
    ])
  }

  @Test("is reached by a configured cluster, and by none whose last change is not processed")
  func reached() {
    let none = BlockedChangeList()
    #expect(
      configured.evaluate(object(.configured), blocked: none)
        == .reached("prod/a is configured with spark-1.1.0"))
    #expect(configured.evaluate(nil, blocked: none) == .pending("prod/a does not exist yet"))
    #expect(
      configured.evaluate(object(.configured, generation: 2), blocked: none)
        == .pending("prod/a: its last change is not processed yet"))
    #expect(
      configured.evaluate(object(.updating), blocked: none)
        == .pending("prod/a: 1 of 1 members are configured"))
    #expect(
      configured.evaluate(object(.updating, annotations: [Wire.Annotation.suspend: "true"]), blocked: none)
        == .pending("prod/a is suspended; to resume: kdops resume prod/a"))
  }

  @Test("fails at a stall, but not before a requested retry has begun")
  func stalled() {
    let none = BlockedChangeList()
    #expect(
      configured.evaluate(object(.updating, stall: "a-w-0: ErrImagePull"), blocked: none)
        == .failed("prod/a is stalled: a-w-0: ErrImagePull"))
    let retried = object(
      .updating, stall: "a-w-0: ErrImagePull", annotations: [Wire.Annotation.retry: "a-w-0@17"])
    #expect(
      configured.evaluate(retried, blocked: none) == .pending("prod/a: the retry of a-w-0 has not begun yet"))
  }

  @Test("with a commit waits until it is applied, and fails if it is rejected")
  func ofCommit() {
    let none = BlockedChangeList()
    let short = "4f2c9ab"
    #expect(
      done.evaluate(object(.configured), blocked: none)
        == .pending("prod/a: commit \(short) is not applied yet; its last one is \(short)"))
    for (contains, attempted) in [(true, false), (false, true)] {
      #expect(
        done.evaluate(
          object(.configured), blocked: none, containsCommit: contains, isAttempted: attempted)
          == .reached("prod/a is configured with spark-1.1.0"))
    }
    #expect(
      done.evaluate(object(.configured), blocked: blocked(.rejected))
        == .failed("prod/a: commit \(short) is blocked: not newer"))
    #expect(
      done.evaluate(object(.configured), blocked: blocked(.waiting), containsCommit: true)
        == .pending("prod/a: commit \(short) is blocked: not newer"))
    #expect(
      WaitCondition(Self.reference, .done(commit: "0000000")).evaluate(
        object(.configured), blocked: blocked(.rejected), containsCommit: true)
        == .reached("prod/a is configured with spark-1.1.0"))
  }
}
