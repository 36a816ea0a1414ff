import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

/// A judged change, before it is carried out. The guards may change its verdict.
struct JudgedChange {
  var reference: ObjectReference
  var change: ChangeKind
  var verdict: Verdict
  var findings: [Diagnostic]
  var commit: ObjectID
  /// The live object that was judged.
  var live: Object?

  var isCluster: Bool { reference.kind == Wire.clusterKind }
  var isApp: Bool { reference.kind == Wire.appKind }

  /// Whether this change prunes a cluster.
  var isPrune: Bool { change == .delete && isCluster && verdict == .accepted }

  /// The reasons for the verdict, without warnings.
  var reasons: [Diagnostic] { findings.filter { $0.severity != .warning } }

  /// The change with another verdict, for one reason.
  func with(_ verdict: Verdict, because reason: Diagnostic) -> JudgedChange {
    var change = self
    (change.verdict, change.findings) = (verdict, [reason])
    return change
  }

  /// The report of a change that is not carried out.
  var report: ObjectReport {
    let phase: Phase =
      switch verdict {
      case .rejected: .rejected
      case .waiting: .waiting
      case .orphaned, .accepted, .unchanged: .done
      }
    let message =
      verdict == .orphaned && reasons.isEmpty
      ? "kept running: its file is gone, and pruning is off" : reasons.first?.sentence
    return ObjectReport(
      kind: reference.kind, namespace: reference.namespace, name: reference.name, change: change,
      verdict: verdict, phase: phase, rules: reasons.map(\.rule).uniqued, message: message)
  }
}
