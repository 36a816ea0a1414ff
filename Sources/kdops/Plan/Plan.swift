import Diagnostics
import KubeDirector
import Rules
import StatusWriter
import Upgrade

/// What a merge would do to which cluster. Made from values alone: what was judged, what is known, what the engine
/// would decide.
struct Plan: Sendable {
  var base: String
  var head: String
  /// Where the knowledge about running clusters comes from, and its age in whole seconds.
  var status: Report.Status = .none
  var statusAge: Int?
  var clusters: [ClusterPlan] = []
  var apps: [AppPlan] = []
  /// Those that are about no cluster and no app that is listed.
  var findings: [Diagnostic] = []
  /// The ids of the rules that would have needed a status.
  var notJudged: [String] = []

  /// Whether anything of it would be rejected.
  var isRejected: Bool {
    allFindings.contains { $0.severity == .error } || clusters.contains { $0.verdict == .rejected }
      || apps.contains { $0.verdict == .rejected }
  }

  /// Every finding, in report order.
  var allFindings: [Diagnostic] {
    (findings + clusters.flatMap(\.findings) + apps.flatMap(\.findings)).inReportOrder()
  }

  var isEmpty: Bool { clusters.isEmpty && apps.isEmpty && findings.isEmpty }
}

/// What would happen to one cluster.
struct ClusterPlan: Sendable, Hashable {
  var reference: ObjectReference
  var change: ChangeKind
  var verdict: Verdict
  /// Nil for a cluster that is new, or gone.
  var from: Version?
  var to: Version?
  /// What the engine would do; nil where it would do nothing.
  var forecast: Forecast?
  /// True where fewer pods than the forecast has may be concerned: nobody knows how far the upgrade has come.
  var isAtMost = false
  /// What else of the spec changes, in words.
  var changes: [String] = []
  /// The upgrade or rollback that it has to wait for, or that it turns round.
  var running: RunningUpgrade?
  /// What a reader has to know beside that: a sentence each.
  var remarks: [String] = []
  var findings: [Diagnostic] = []

  struct Version: Sendable, Hashable {
    /// The app's name.
    var app: String
    /// Nil where nobody knows the app.
    var version: String?
  }

  /// Whether a revert commit would bring the old app back, while the upgrade runs.
  var isRollbackPossible: Bool { change == .upgrade && (verdict == .accepted || verdict == .waiting) }

  /// The findings that it waits for.
  var waits: [Diagnostic] { findings.filter { $0.severity == .waiting } }
}

/// What would happen to one app.
struct AppPlan: Sendable, Hashable {
  var reference: ObjectReference
  var change: ChangeKind
  var verdict: Verdict
  var version: String?
  /// In what it differs, in words.
  var changes: [String] = []
  var findings: [Diagnostic] = []
}

/// An upgrade or a rollback that runs, as far as git tells of it.
struct RunningUpgrade: Sendable, Hashable {
  var fromApp: String
  var toApp: String
  var isRollingBack: Bool
  /// The commit that asked for it.
  var commit: String?
  /// By role, how many members are done and of how many; nil where no note says.
  var progress: [UpgradeProgress.Role]?
  /// Why it does not go on; nil where it does.
  var stall: String?

  var done: Int? { progress.map { $0.reduce(0) { $0 + $1.done } } }
  var total: Int? { progress.map { $0.reduce(0) { $0 + $1.total } } }
}
