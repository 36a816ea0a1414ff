import Diagnostics
import GitStore
import KubeDirector
import Logging

// What is wrong with the refs that notes and statuses go to. Nothing is decided by them, so it is told and no more.
extension Reconciler {
  /// What stands in records for such a ref.
  static let refKind = "Ref"

  /// Takes in what the last fetch found, and logs what is new.
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

  /// The same for those who look at the cluster.
  var refWarnings: [HeldChange] {
    refProblems.map { problem in
      HeldChange(
        commit: problem.id?.hex ?? "",
        object: ObjectReference(kind: Self.refKind, namespace: "", name: problem.ref),
        verdict: "unusable", rules: [], message: HeldChange.fit("\(problem.error)"))
    }
  }
}
