import Diagnostics
import KubeDirector
import Reports
import Rules
import Upgrade

/// The effect that a merge would have on each cluster. It is computed only from values: the judgement, the
/// known status, and the engine's forecast.
public struct Plan: Sendable {
  public var base: String
  public var head: String
  /// The source of the status of running clusters, and its age in whole seconds.
  public var status: Report.Status = .none
  public var statusAge: Int?
  public var clusters: [ClusterPlan] = []
  public var apps: [AppPlan] = []
  /// The findings that are not about a listed cluster or app.
  public var findings: [Diagnostic] = []
  /// The ids of the rules that need a status and had none.
  public var notJudged: [String] = []

  /// Whether any change would be rejected.
  public var isRejected: Bool {
    allFindings.contains { $0.severity == .error } || clusters.contains { $0.verdict == .rejected }
      || apps.contains { $0.verdict == .rejected }
  }

  /// Every finding, in report order.
  public var allFindings: [Diagnostic] {
    (findings + clusters.flatMap(\.findings) + apps.flatMap(\.findings)).inReportOrder()
  }

  /// Whether nothing would change and there are no findings.
  public var isEmpty: Bool { clusters.isEmpty && apps.isEmpty && findings.isEmpty }
}

/// The effect on one cluster.
public struct ClusterPlan: Sendable, Hashable {
  public var reference: ObjectReference
  public var change: ChangeKind
  public var verdict: Verdict
  /// Nil for a new cluster; `to` is nil for a deleted one. Both are nil if the file cannot be read.
  public var from: Version?
  public var to: Version?
  /// The engine's forecast; nil if it would do nothing.
  public var forecast: Forecast?
  /// True if fewer pods than in the forecast may be affected, because the progress of the upgrade is unknown.
  public var isAtMost = false
  /// The other changes of the spec, as text.
  public var changes: [String] = []
  /// The running upgrade or rollback that the change waits for or rolls back.
  public var running: RunningUpgrade?
  /// Additional remarks for the reader, one sentence each.
  public var remarks: [String] = []
  public var findings: [Diagnostic] = []

  /// An app and its version.
  public struct Version: Sendable, Hashable {
    /// The app's name.
    public var app: String
    /// Nil if the app is unknown.
    public var version: String?
  }

  /// Whether a revert commit would roll back to the old app while the upgrade runs.
  public var isRollbackPossible: Bool { change == .upgrade && (verdict == .accepted || verdict == .waiting) }

  /// The findings that the change waits for.
  public var waits: [Diagnostic] { findings.filter { $0.severity == .waiting } }
}

/// The effect on one app.
public struct AppPlan: Sendable, Hashable {
  public var reference: ObjectReference
  public var change: ChangeKind
  public var verdict: Verdict
  public var version: String?
  /// The differences, as text.
  public var changes: [String] = []
  public var findings: [Diagnostic] = []
}

/// A running upgrade or rollback, as far as git has information about it.
public struct RunningUpgrade: Sendable, Hashable {
  public var fromApp: String
  public var toApp: String
  public var isRollingBack: Bool
  /// The commit that requested it.
  public var commit: String?
  /// The number of completed members and the total, by role; nil if no note has them.
  public var progress: [UpgradeProgress.Role]?
  /// The stall reason; nil if it is not stalled.
  public var stall: String?

  /// The number of completed members and the total; nil if no note has them.
  public var done: Int? { progress.map { $0.reduce(0) { $0 + $1.done } } }
  public var total: Int? { progress.map { $0.reduce(0) { $0 + $1.total } } }
}
