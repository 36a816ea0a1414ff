/// The event that a notification reports.
public enum NotificationEvent: String, Sendable, Hashable, CaseIterable {
  /// A change violates a rule; only a new commit can fix it.
  case rejected
  /// A change waits until the state of a cluster changes.
  case waiting
  /// An upgrade, or another operation, needs intervention.
  case stalled
  /// A change failed for another reason.
  case failed
  /// A rollback is complete.
  case rolledBack
  /// A change is complete.
  case done
  /// An object was edited outside of git, and was restored.
  case drift
  /// A commit of the daemon has reverted a stalled upgrade.
  case reverted
  /// The repository has not been fetched for some time.
  case fetchFailed
}

extension NotificationEvent {
  /// The events that a word of the setting `on` names; nil for an unknown word.
  ///
  /// `blocked` names both reasons for which a change is not carried out.
  static func named(_ word: String) -> Set<NotificationEvent>? {
    if word == "blocked" { return [.rejected, .waiting] }
    return NotificationEvent(rawValue: word).map { [$0] }
  }

  /// All words of the setting `on`.
  static let words = allCases.map(\.rawValue) + ["blocked"]

  /// The events that are sent without the setting `on`: all that a person has to know or to do something about.
  static let standard: Set<NotificationEvent> = [
    .rejected, .stalled, .failed, .rolledBack, .done, .drift, .reverted, .fetchFailed,
  ]

  /// The label in texts for people.
  var label: String {
    switch self {
    case .rejected, .waiting, .stalled, .failed, .done: rawValue
    case .rolledBack: "rolled back"
    case .drift: "edited outside of git, and restored"
    case .reverted: "reverted by a commit"
    case .fetchFailed: "the repository cannot be fetched"
    }
  }

  /// The symbol before a text for people.
  var symbol: String {
    switch self {
    case .stalled, .failed, .rejected, .fetchFailed: "✗"
    case .done: "✓"
    case .rolledBack, .reverted, .drift: "↺"
    case .waiting: "…"
    }
  }
}
