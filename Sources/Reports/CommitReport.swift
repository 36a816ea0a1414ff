import Diagnostics
import KubeDirector

/// The status of one commit: the full content of its note.
public struct CommitReport: Sendable, Hashable {
  /// All 40 hexadecimal digits.
  public var commit: String
  /// The first line of the commit's message; not part of the note.
  public var subject: String
  /// The objects that the commit changed.
  public var objects: [ObjectReport]

  public init(commit: String, subject: String = "", objects: [ObjectReport]) {
    self.commit = commit
    self.subject = subject
    self.objects = objects
  }

  /// The worst phase of the objects; a commit that changed no object is done.
  public var phase: Phase { objects.map(\.phase).max() ?? .done }
}

/// The status of one object that a commit changed.
public struct ObjectReport: Sendable, Hashable {
  public var kind: String
  public var namespace: String
  public var name: String
  public var change: ChangeKind
  public var verdict: Verdict
  public var phase: Phase
  /// The ids of the rules that failed.
  public var rules: [String]
  /// One sentence with the reason; never the output of a script.
  public var message: String?
  /// Why the phase is `failed`; nil for another phase, and for a failure with another cause.
  public var failure: Failure?
  /// Set only if the change is an upgrade or a rollback.
  public var upgrade: UpgradeProgress?

  public enum Failure: Sendable, Hashable {
    /// Progress requires intervention.
    case stalled
    /// A later commit superseded, withdrew or rolled back the change.
    case superseded
  }

  /// Whether progress requires intervention.
  public var isStalled: Bool { failure == .stalled }

  public init(
    kind: String, namespace: String, name: String, change: ChangeKind, verdict: Verdict, phase: Phase,
    rules: [String] = [], message: String? = nil, upgrade: UpgradeProgress? = nil
  ) {
    self.kind = kind
    self.namespace = namespace
    self.name = name
    self.change = change
    self.verdict = verdict
    self.phase = phase
    self.rules = rules
    self.message = message
    self.upgrade = upgrade
  }

  /// The kind in the report of a commit that is blocked as a whole.
  public static let commitKind = "Commit"

  public var reference: ObjectReference { ObjectReference(kind: kind, namespace: namespace, name: name) }
}

extension ObjectReport {
  /// The report updated from the cluster's status: phase, progress and reason come from the engine.
  ///
  /// Only an accepted change follows its cluster, because a cluster's status has no information about other changes.
  /// When an upgrade ends, the last progress is kept, with all members done.
  ///
  /// - Parameter status: the cluster's current status; nil if it has none yet.
  public func following(_ status: ClusterStatus?) -> ObjectReport {
    guard verdict == .accepted, kind == Wire.clusterKind else { return self }
    var report = self
    report.failure = nil
    guard let status else {
      report.phase = .pending
      return report
    }
    if let progress = UpgradeProgress(status) { report.upgrade = progress }
    if let stall = status.stall {
      report.phase = .failed
      report.failure = .stalled
      report.message = stall.message
      return report
    }
    let isUnderWay = status.upgradeInfo != nil || status.state != .configured
    report.message = status.isSuspended && isUnderWay ? Self.suspended : nil
    if let info = status.upgradeInfo {
      report.phase = info.isRollingBack ? .rollingBack : .upgrading
    } else if status.state == .configured {
      report.phase = .done
      report.upgrade?.finish()
    } else {
      report.phase = .pending
    }
    return report
  }
}

extension ObjectReport {
  private static let suspended = "suspended by \(Wire.Annotation.suspend); it continues when that is removed"

  /// The report of a change that its cluster has not started yet, with the reason if the status shows it.
  public func awaited(by status: ClusterStatus?) -> ObjectReport {
    var report = following(nil)
    guard report.phase == .pending, let status else { return report }
    if let stall = status.stall,
      [.noWayBack, .appMissing, .notUnderstood].contains(stall.reason)
    {
      report.phase = .failed
      report.failure = .stalled
      report.message = stall.message
    } else {
      report.message = status.isSuspended ? Self.suspended : status.wait
    }
    return report
  }
}
