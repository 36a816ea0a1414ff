import ClusterAPI
import Diagnostics
import KubeDirector
import Reports
import Rules

/// The consequence of a failed write for its change.
enum ApplyFailure {
  /// The object has changed since it was judged; the change is judged again.
  case outdated
  /// The API server gave no answer, or does not accept the daemon's credentials; the change is retried.
  case unanswered
  /// The cluster refused the change. It waits if an administrator can change that, and is rejected otherwise.
  case refused(JudgedChange)

  /// - Parameter isDriftRefused: whether the cluster refuses to correct the object's drift.
  init(_ error: APIError, of change: JudgedChange, isDriftRefused: Bool) {
    let isNew = change.live == nil
    let isOutdated = error.kind == .conflict || error.kind == (isNew ? .alreadyExists : .notFound)
    if isOutdated {
      self = .outdated
    } else if error.isTransient || error.kind == .unauthorized {
      // No commit can correct the daemon's own credentials.
      self = .unanswered
    } else {
      self = .refused(Self.refusal(of: change, error, isDriftRefused: isDriftRefused))
    }
  }

  private static func refusal(
    of change: JudgedChange, _ error: APIError, isDriftRefused: Bool
  ) -> JudgedChange {
    // No commit can add a missing permission or namespace, so the write is retried.
    let lacksNamespace = error.kind == .notFound && change.live == nil
    let mayCome = error.kind == .forbidden || lacksNamespace
    let isEdit = isDriftRefused && change.verdict == .unchanged
    let hint =
      if lacksNamespace {
        "kubectl create namespace \(change.reference.namespace), or name another in the file; it is retried automatically"
      } else if mayCome {
        "an administrator has to allow it (kdops install --export); it is retried automatically"
      } else {
        "the API server refused it; correct the file"
      }
    return change.with(
      mayCome ? .waiting : .rejected,
      because: Diagnostic(
        rule: rule(error), severity: mayCome ? .waiting : .error, object: change.reference,
        message: isEdit
          ? "it was edited outside of git, and the edit cannot be reverted: \(error.message)" : error.message,
        hint: hint))
  }

  /// The rule id in the report of a change that the API server did not carry out.
  static func rule(_ error: APIError) -> String { "\(BlockedObject.refusals)\(error.kind.rawValue)" }

  /// The report of a change that the API server did not answer. Without this report, the commit would count as done
  /// as soon as its other changes are done.
  static func report(_ change: JudgedChange, unanswered error: APIError) -> ObjectReport {
    let reference = change.reference
    return ObjectReport(
      kind: reference.kind, namespace: reference.namespace, name: reference.name,
      change: change.change, verdict: .waiting, phase: .waiting,
      rules: [rule(error)],
      message: "the cluster gave no answer: \(error.message); it is retried automatically")
  }
}
