import ClusterAPI
import GitStore

/// The last attempted revision that the cluster stores, if it is known.
enum LastAttemptedRecord: Hashable {
  /// The revision was not read yet; no head is followed. Can transition to: every other.
  case unread
  /// The cluster stores no valid revision. Can transition to: known, refused.
  case none
  /// Can transition to: known, refused.
  case known(ObjectID)
  /// The cluster refuses access, so only the local repository stores the revision. Can transition to: known.
  case refused

  var commit: ObjectID? {
    if case .known(let commit) = self { commit } else { nil }
  }

  mutating func read(_ reading: LastAttemptedRevision.Reading) {
    switch reading {
    case .commit(let commit): self = .known(commit)
    case .none, .unproven: self = .none
    }
  }

  mutating func wrote(_ commit: ObjectID) { self = .known(commit) }

  /// - Returns: true if this was not known before.
  mutating func refuse() -> Bool {
    defer { self = .refused }
    return self != .refused
  }
}
