import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports

// Problems with the refs of notes and statuses. No decision depends on these refs, so problems are only reported.
extension Reconciler {
  /// The kind that stands for such a ref in reports.
  static let refKind = "Ref"

  /// Stores the problems that the last fetch found, and logs new ones.
  func takeRefProblems(_ problems: [RefProblem]) {
    for problem in problems where !refProblems.contains(problem) {
      logger.warning(
        "status.ref.unusable", metadata: ["ref": "\(problem.ref)", "error": "\(problem.error)"])
    }
    for ref in refProblems.map(\.ref) where !problems.contains(where: { $0.ref == ref }) {
      logger.info("status.ref.usable", metadata: ["ref": "\(ref)"])
    }
    refProblems = problems
  }

  /// The same problems in the form of the blocked changes that are stored in the cluster.
  var refWarnings: [BlockedChange] {
    refProblems.map { problem in
      BlockedChange(
        commit: problem.id?.hex ?? "",
        object: ObjectReference(kind: Self.refKind, namespace: "", name: problem.ref),
        verdict: .unusable, rules: [], message: BlockedChange.fit("\(problem.error)"))
    }
  }
}
