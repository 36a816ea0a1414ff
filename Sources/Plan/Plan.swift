import Diagnostics
import KubeDirector
import Rules
import StatusWriter
import Upgrade

/// What a merge would do to which cluster. Made from values alone: what was judged, what is known, what the engine
/// would decide.
public struct Plan: Sendable {
  public var base: String
  public var head: String
  /// Where the knowledge about running clusters comes from, and its age in whole seconds.
  public var status: Report.Status = .none
  public var statusAge: Int?
  /// What is wrong with statuses that are there and were not used, a sentence each.
  public var statusProblems: [String] = []
  public var clusters: [ClusterPlan] = []
  public var apps: [AppPlan] = []
  /// Those that are about no cluster and no app that is listed.
  public var findings: [Diagnostic] = []
  /// The ids of the rules that would have needed a status.
  public var notJudged: [String] = []

  /// Whether anything of it would be rejected.
  public var isRejected: Bool {
    allFindings.contains { $0.severity == .error } || clusters.contains { $0.verdict == .rejected }
      || apps.contains { $0.verdict == .rejected }
  }

  /// Every finding, in report order.
  public var allFindings: [Diagnostic] {
    (findings + clusters.flatMap(\.findings) + apps.flatMap(\.findings)).inReportOrder()
  }

  /// Whether nothing would change, and nothing is wrong.
  public var isEmpty: Bool { clusters.isEmpty && apps.isEmpty && findings.isEmpty }
}

/// What would happen to one cluster.
public struct ClusterPlan: Sendable, Hashable {
  public var reference: ObjectReference
  public var change: ChangeKind
  public var verdict: Verdict
  /// Nil for a cluster that is new, or gone.
  public var from: Version?
  public var to: Version?
  /// What the engine would do; nil where it would do nothing.
  public var forecast: Forecast?
  /// True where fewer pods than the forecast has may be concerned: nobody knows how far the upgrade has come.
  public var isAtMost = false
  /// What else of the spec changes, in words.
  public var changes: [String] = []
  /// The upgrade or rollback that it has to wait for, or that it turns round.
  public var running: RunningUpgrade?
  /// What a reader has to know beside that: a sentence each.
  public var remarks: [String] = []
  public var findings: [Diagnostic] = []

  /// An app, and the version that it is.
  public struct Version: Sendable, Hashable {
    /// The app's name.
    public var app: String
    /// Nil where nobody knows the app.
    public var version: String?
  }

  /// Whether a revert commit would bring the old app back, while the upgrade runs.
  public var isRollbackPossible: Bool { change == .upgrade && (verdict == .accepted || verdict == .waiting) }

  /// The findings that it waits for.
  public var waits: [Diagnostic] { findings.filter { $0.severity == .waiting } }
}

/// What would happen to one app.
public struct AppPlan: Sendable, Hashable {
  public var reference: ObjectReference
  public var change: ChangeKind
  public var verdict: Verdict
  public var version: String?
  /// In what it differs, in words.
  public var changes: [String] = []
  public var findings: [Diagnostic] = []
}

/// An upgrade or a rollback that runs, as far as git tells of it.
public struct RunningUpgrade: Sendable, Hashable {
  public var fromApp: String
  public var toApp: String
  public var isRollingBack: Bool
  /// The commit that asked for it.
  public var commit: String?
  /// By role, how many members are done and of how many; nil where no note says.
  public var progress: [UpgradeProgress.Role]?
  /// Why it does not go on; nil where it does.
  public var stall: String?

  /// How many members are done, and of how many; nil where no note says.
  public var done: Int? { progress.map { $0.reduce(0) { $0 + $1.done } } }
  public var total: Int? { progress.map { $0.reduce(0) { $0 + $1.total } } }
}
