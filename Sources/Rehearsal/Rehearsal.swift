import Diagnostics
import EmbeddedCluster
import GitStore
import KubeDirector
import Logging
import Plan
import Rules

/// A complete rehearsal: determines its acts, which run one after another.
public struct Rehearsal: Sendable {
  var base: String
  var head: String
  /// The acts, in the order in which they run.
  public var acts: [RehearsalAct]
  /// The parts that are not rehearsed, each with the reason in one sentence.
  public var omitted: [String]

  /// Determines the acts.
  ///
  /// - Parameter only: The requested clusters; empty for all.
  /// - Throws: `RehearsalError` if a requested cluster does not change.
  public static func prepare(
    _ plan: Plan, _ moves: [ObjectReference: ClusterTransition], only: [ObjectReference],
    in repository: GitRepository
  ) async throws -> Rehearsal {
    var rehearsal = Rehearsal(base: plan.base, head: plan.head, acts: [], omitted: [])
    var subjects: [RehearsalSubject] = []
    for cluster in only where !plan.clusters.contains(where: { $0.reference == cluster }) {
      throw RehearsalError("cluster \(cluster) does not change between the two revisions; leave it out")
    }
    for cluster in plan.clusters where only.isEmpty || only.contains(cluster.reference) {
      if let subject = RehearsalSubject(cluster, moves[cluster.reference]) {
        subjects.append(subject)
      } else {
        rehearsal.omitted.append(
          "\(cluster.reference), because its \(cluster.change.rawValue) is \(cluster.verdict.rawValue)")
      }
    }
    guard !subjects.isEmpty else { return rehearsal }
    let base = try await RehearsalImages.read(try await repository.resolve(plan.base), in: repository)
    let head = try await RehearsalImages.read(try await repository.resolve(plan.head), in: repository)
    func add(_ kind: RehearsalAct.Kind, _ subjects: [RehearsalSubject], isSwapped: Bool = false) {
      guard !subjects.isEmpty else { return }
      rehearsal.acts.append(
        RehearsalAct(
          kind: kind, subjects: subjects, origin: isSwapped ? head : base, goal: isSwapped ? base : head))
    }
    let forward = subjects.filter { $0.change != .rollback }
    let (upgrades, reverts) = (forward.filter(\.isUpgrade), subjects.filter { $0.change == .rollback })
    add(.forward, forward)
    add(.back, upgrades.filter { !$0.hasPointOfNoReturn })
    add(.back, reverts, isSwapped: true)
    for subject in upgrades where subject.hasPointOfNoReturn {
      rehearsal.omitted.append(
        "the rollback of \(subject.cluster), because \(subject.goal.spec.app) has a point of no return")
    }
    return rehearsal
  }
}
