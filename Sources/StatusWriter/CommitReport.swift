import Diagnostics
import KubeDirector

/// What became of one commit: all that its note says.
public struct CommitReport: Sendable, Hashable {
  /// All 40 hexadecimal digits.
  public var commit: String
  /// The first line of the commit's message; not part of the note.
  public var subject: String
  /// Only objects that the commit changed.
  public var objects: [ObjectReport]

  public init(commit: String, subject: String = "", objects: [ObjectReport]) {
    self.commit = commit
    self.subject = subject
    self.objects = objects
  }

  /// The worst of its objects; a commit that changed no object is done.
  public var phase: Phase { objects.map(\.phase).max() ?? .done }
}

/// What became of one object that a commit changed.
public struct ObjectReport: Sendable, Hashable {
  public var kind: String
  public var namespace: String
  public var name: String
  /// The class of the change, in wire words: `create`, `upgrade` ….
  public var change: String
  /// The verdict, in wire words: `accepted`, `rejected` ….
  public var verdict: String
  public var phase: Phase
  /// The ids of the rules that failed.
  public var rules: [String]
  /// One sentence that says why; never the output of a script.
  public var message: String?
  /// Nothing goes on until somebody acts; false for an attempt that a later commit has ended.
  public var isStalled = false
  /// Only where the change is an upgrade or a rollback.
  public var upgrade: UpgradeProgress?

  public init(
    kind: String, namespace: String, name: String, change: String, verdict: String, phase: Phase,
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

  public var reference: ObjectReference { ObjectReference(kind: kind, namespace: namespace, name: name) }
}

extension ObjectReport {
  /// The same object after a look at its cluster's status: phase, progress and reason are the engine's.
  ///
  /// Only an accepted change follows its cluster; of anything else the running cluster says nothing. When an
  /// upgrade ends, the progress last seen stays, with every member done.
  ///
  /// - Parameter status: what the cluster holds now; nil where it holds nothing yet.
  public func following(_ status: ClusterStatus?) -> ObjectReport {
    guard verdict == "accepted", kind == Wire.clusterKind else { return self }
    var report = self
    report.isStalled = false
    guard let status else {
      report.phase = .pending
      return report
    }
    if let progress = UpgradeProgress(status) { report.upgrade = progress }
    if let stall = status.stall {
      report.phase = .failed
      report.isStalled = true
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
  private static let suspended = "suspended by \(Wire.Annotation.suspend); it goes on once that is removed"

  /// The same object while its cluster has not begun with it: why, where it does not by itself.
  public func awaited(by status: ClusterStatus?) -> ObjectReport {
    var report = following(nil)
    guard report.phase == .pending, let status else { return report }
    if let stall = status.stall,
      [Condition.noWayBack, Condition.appMissing, Condition.notUnderstood].contains(stall.reason)
    {
      report.phase = .failed
      report.isStalled = true
      report.message = stall.message
    } else {
      report.message = status.isSuspended ? Self.suspended : status.wait
    }
    return report
  }
}

extension ClusterStatus {
  /// Why nothing goes on until somebody acts, from the condition `Stalled`.
  public var stall: Condition? {
    condition(.stalled).flatMap { $0.status ? $0 : nil }
  }
}
