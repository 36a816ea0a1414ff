import Diagnostics
import GitStore
import Reports

extension BlockedChange {
  /// The kind that stands for a ref of notes or statuses.
  static let refKind = "Ref"

  /// A problem with a ref of notes or statuses, in the form of a blocked change.
  init(_ problem: RefProblem) {
    self.init(
      commit: problem.id?.hex ?? "",
      object: ObjectReference(kind: Self.refKind, namespace: "", name: problem.ref), verdict: .unusable,
      rules: [], message: Self.fit("\(problem.error)"))
  }
}
