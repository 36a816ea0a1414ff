import Diagnostics
import KubeDirector

/// What is to be judged, and what is known.
public struct JudgeRequest: Sendable {
  /// What was there before: the last applied commit, or what lives. Nil means that everything is new.
  public var base: Snapshot?
  /// What is wanted.
  public var head: Snapshot
  /// What may have changed between the two; nil means that everything is looked at.
  public var changed: Changes?
  public var live: LiveView
  /// Nil where the daemon's configuration is not at hand: `cluster/tenancy` is not judged then.
  public var policy: Policy?
  /// The app that a cluster's file named just before the one it names at the base, from the file's history in git.
  /// Asked only for a cluster that changes its app while no status of it is at hand.
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

/// What came of it.
public struct Judgement: Sendable, Hashable {
  /// Everything there is to say, in the order of every report.
  public var findings: [Diagnostic]
  /// The objects that were looked at, in order of kind, namespace and name.
  public var objects: [ObjectVerdict]
  /// The ids of the rules that would have needed a status, in the order of the registry.
  public var notJudged: [String]
  /// What each cluster changes from and to, where it is there, sound and not the same.
  public var transitions: [ObjectReference: ClusterTransition] = [:]

  public var hasErrors: Bool { findings.contains { $0.severity == .error } }

  public func verdict(of reference: ObjectReference) -> ObjectVerdict? {
    objects.first { $0.reference == reference }
  }
  public func findings(of reference: ObjectReference) -> [Diagnostic] {
    findings.filter { $0.object == reference }
  }
}

/// What came of one object.
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

/// What a changed cluster changes from and to, with the apps that the judge looked up for it.
public struct ClusterTransition: Sendable, Hashable {
  /// Nil for a cluster that is new.
  public var old: Cluster?
  public var new: Cluster
  /// The app that it has; nil for a cluster that is new, and where nobody knows the app.
  public var oldApp: App?
  /// The app that it gets; nil where there is none that it could get.
  public var newApp: App?
  /// In what the two specs differ, `app` not among them.
  public var differences: [Difference]
  /// A rollback that is taken for one because of the file's history alone.
  public var isByHistory: Bool
}
