/// The kind of change between the baseline and the desired state of an object.
public enum ChangeKind: String, Sendable, Hashable, CaseIterable {
  case create
  case delete
  /// `spec.app` names another app.
  case upgrade
  /// `spec.app` returns to the app that a running upgrade came from.
  case rollback
  /// Only the number of members, or added or removed roles.
  case resize
  /// Any other change of the spec.
  case reconfigure
  /// Only labels and annotations.
  case metadata
  /// No difference in meaning.
  case none
}

/// The result for a changed object.
public enum Verdict: String, Sendable, Hashable, CaseIterable {
  /// All rules pass: the change may be applied.
  case accepted
  /// A rule is violated, and only a new commit can fix it.
  case rejected
  /// A rule does not pass yet; the change is judged again when the cluster's state changes.
  case waiting
  /// No difference in meaning.
  case unchanged
  /// A cluster that was removed from git while pruning is off, or while a new unreadable file may contain it. It keeps
  /// running. Apps hold no data, so their deletion does not require pruning.
  case orphaned
}
