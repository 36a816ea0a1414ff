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
        == .reached(
          "prod/a is configured with spark-1.1.0, by the later commit \(short), which contains or reverts 0000000"
        ))
  }

  private static let ancestor = "1111111111111111111111111111111111111111"

  struct Case: Sendable {
    var verdict = BlockedChange.Verdict.rejected
    var isOfCommit = false
    var omitted = 0
    var containsCommit = false
    var isAttempted = true
    /// Whether the requested commit contains the blocked one; nil without a repository.
    var isAncestor: Bool?
    var result: String
  }

  @Test(
    "counts a blocked change in the commit's history, once the daemon has applied the commit",
    arguments: [
      Case(isAncestor: true, result: "failed"),
      Case(isOfCommit: true, isAncestor: true, result: "failed"),
      Case(verdict: .waiting, isAncestor: true, result: "pending"),
      // The requested commit may be the fix.
      Case(isAttempted: false, isAncestor: true, result: "pending"),
      Case(isAncestor: false, result: "reached"),
      Case(isAncestor: nil, result: "pending"),
      Case(verdict: .waiting, isAncestor: nil, result: "pending"),
      Case(omitted: 1, isAncestor: false, result: "pending"),
      Case(containsCommit: true, isAncestor: nil, result: "reached"),
      Case(verdict: .unusable, isAncestor: nil, result: "reached"),
    ])
  func ofHistory(_ test: Case) {
    let object =
      test.isOfCommit
      ? ObjectReference(kind: ObjectReport.commitKind, namespace: "", name: Self.ancestor) : Self.reference
    let change = BlockedChange(
      commit: Self.ancestor, object: object, verdict: test.verdict, rules: [], message: "not newer")
    let result = done.evaluate(
      self.object(.configured), blocked: BlockedChangeList(changes: [change], omitted: test.omitted),
      containsCommit: test.containsCommit, isAttempted: test.isAttempted,
      history: test.isAncestor.map { [Self.ancestor: $0] } ?? [:])
    #expect(Self.word(result) == test.result, "\(test): \(result)")
  }

  private static func word(_ result: WaitCondition.Result) -> String {
    switch result {
    case .reached: "reached"
    case .failed: "failed"
    case .pending: "pending"
    }
  }

  @Test("fails if the commit waits behind a stall, but not after a requested retry")
  func waitsBehindStall() {
    let stall = "a-w-0: ErrImagePull; to return to spark-1.0.0, revert commit 4f2c9ab"
    #expect(
      done.evaluate(object(.updating, stall: stall), blocked: blocked(.waiting))
        == .failed("prod/a: commit 4f2c9ab is blocked: not newer; the cluster is stalled: \(stall)"))
    for other in [
      object(.updating, stall: stall, annotations: [Wire.Annotation.retry: "a-w-0@17"]),
      object(.updating, stall: stall, generation: 2), object(.updating),
    ] {
      #expect(
        done.evaluate(other, blocked: blocked(.waiting))
          == .pending("prod/a: commit 4f2c9ab is blocked: not newer"))
    }
  }

  @Test("without a daemon fails unless it is reached")
  func withoutDaemon() {
    #expect(
      WaitCondition.Result.pending("x").withoutDaemon()
        == .failed("no daemon runs: start one with kdops run; x"))
    for result in [WaitCondition.Result.reached("x"), .failed("x")] {
      #expect(result.withoutDaemon() == result)
    }
  }

  @Test("of a sync fails only at rejections and stalls")
  func ofSync() {
    func word(_ object: Object, _ blocked: BlockedChangeList) -> String {
      Self.word(SyncCondition.evaluate([object], blocked: blocked))
    }
    #expect(word(object(.configured), BlockedChangeList()) == "reached")
    #expect(word(object(.configured), blocked(.rejected)) == "failed")
    #expect(word(object(.configured), blocked(.waiting)) == "pending")
    #expect(word(object(.updating), blocked(.waiting)) == "pending")
    #expect(word(object(.updating, stall: "a-w-0: ErrImagePull"), blocked(.waiting)) == "failed")
    #expect(word(object(.configured), blocked(.unusable)) == "reached")
  }
}
