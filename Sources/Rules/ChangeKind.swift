/// What kind of change an object undergoes between what is and what is wanted.
public enum ChangeKind: String, Sendable, Hashable, CaseIterable {
  case create
  case delete
  /// `spec.app` names another app.
  case upgrade
  /// `spec.app` goes back to the app that a running upgrade came from.
  case rollback
  /// Members, or roles added or removed, and nothing else.
  case resize
  /// Anything else in the spec.
  case reconfigure
  /// Labels and annotations alone.
  case metadata
  /// The meaning is the same.
  case none
}

/// What comes of a changed object.
public enum Verdict: String, Sendable, Hashable, CaseIterable {
  /// Every rule holds: it may be applied.
  case accepted
  /// A rule is broken, and only a new commit can mend it.
  case rejected
  /// A rule does not hold yet; to be judged again when the cluster's state changes.
  case waiting
  /// The meaning is the same.
  case unchanged
  /// A cluster that is gone from git while pruning is off, or while a new file that cannot be read may hold it: kept
  /// running. Apps hold no data; their deletion asks for no pruning.
  case orphaned
}
