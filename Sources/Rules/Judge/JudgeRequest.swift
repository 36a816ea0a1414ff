import Diagnostics
import KubeDirector

/// The input of the judge.
public struct JudgeRequest: Sendable {
  /// The baseline: the last applied commit, or the live state. Nil means that everything is new.
  public var base: Snapshot?
  /// The desired state.
  public var head: Snapshot
  /// The objects that may have changed between the two; nil means that everything is judged.
  public var changed: Changes?
  public var live: LiveView
  /// Nil if the daemon's configuration is not available: `cluster/tenancy` is not judged then.
  public var policy: Policy?
  /// The app that a cluster's file named just before the one that it names at the base, from the file's history in
  /// git. Called only for a cluster that changes its app while its status is not available.
  public var history: (@Sendable (ObjectReference) -> String?)?

  public init(
    base: Snapshot? = nil, head: Snapshot, changed: Changes? = nil, live: LiveView = .none,
    policy: Policy? = nil,
    history: (@Sendable (ObjectReference) -> String?)? = nil
  ) {
    self.base = base
    self.head = head
    self.changed = changed
    self.live = live
    self.policy = policy
    self.history = history
  }
}

/// The result of the judge.
public struct Judgement: Sendable, Hashable {
  /// All findings, in report order.
  public var findings: [Diagnostic]
  /// The judged objects, sorted by kind, namespace and name.
  public var objects: [ObjectVerdict]
  /// The ids of the rules that could not be judged without a status, in registry order.
  public var notJudged: [String]
  /// The old and new state of each changed cluster that exists and is valid.
  public var transitions: [ObjectReference: ClusterTransition] = [:]

  public var hasErrors: Bool { findings.contains { $0.severity == .error } }

  public func verdict(of reference: ObjectReference) -> ObjectVerdict? {
    objects.first { $0.reference == reference }
  }
  public func findings(of reference: ObjectReference) -> [Diagnostic] {
    findings.filter { $0.object == reference }
  }
}

/// The result for one object.
public struct ObjectVerdict: Sendable, Hashable {
  public var reference: ObjectReference
  public var change: ChangeKind
  public var verdict: Verdict

  public init(reference: ObjectReference, change: ChangeKind, verdict: Verdict) {
    self.reference = reference
    self.change = change
    self.verdict = verdict
  }
}

/// The old and new state of a changed cluster, with the apps that the judge looked up.
public struct ClusterTransition: Sendable, Hashable {
  /// Nil for a new cluster.
  public var old: Cluster?
  public var new: Cluster
  /// The app of the old state; nil for a new cluster, and if the app is not known.
  public var oldApp: App?
  /// The app of the new state; nil if it does not exist.
  public var newApp: App?
  /// The differences between the two specs, except `app`.
  public var differences: [Difference]
  /// Whether this counts as a rollback because of an earlier version of the file, not because of the status.
  public var isByHistory: Bool
}
