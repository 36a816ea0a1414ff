import Diagnostics
import GitStore
import KubeDirector

/// The result of checking the signatures up to a head.
struct SignatureCheck: Hashable {
  /// The head that was fetched.
  var head: ObjectID
  /// The newest commit that may be applied; nil for none.
  var goal: ObjectID?
  /// The commit that blocks the rest; nil if the whole branch is followed.
  var unverified: UnverifiedCommit?

  /// The commits that are reported as blocked: the unverified one, and the head.
  var blocked: Set<ObjectID> { unverified.map { [$0.commit, head] } ?? [] }
}

/// The signature gate: when signatures are checked, and which commits and clusters the last check has blocked.
///
/// Signatures are checked again if the head has changed and, while a commit is blocked, after each fetch, because a key
/// may have been added.
struct SignatureGate {
  /// The effect of a check.
  struct Outcome: Hashable {
    /// Whether another commit is blocked than before, or behind another head.
    var isNews: Bool
    /// Commits that were blocked before.
    var released: Set<ObjectID>
  }

  private(set) var last: SignatureCheck?
  private var isCheckDue = false
  /// The clusters that the blocked commits would change.
  private var clusters: Set<ObjectReference> = []

  func needsCheck(of head: ObjectID) -> Bool { isCheckDue || last?.head != head }

  mutating func requestCheck() { isCheckDue = true }

  /// Called after each fetch.
  mutating func fetched() { if last?.unverified != nil { isCheckDue = true } }

  /// Begins a check; one that is requested from now on is not lost.
  mutating func beginCheck() { isCheckDue = false }

  /// Ends a check that could not be completed.
  mutating func failCheck() { isCheckDue = true }

  mutating func endCheck(_ check: SignatureCheck) -> Outcome {
    defer { last = check }
    return Outcome(
      isNews: check.unverified != nil && (last?.unverified != check.unverified || last?.head != check.head),
      released: (last?.blocked ?? []).subtracting(check.blocked))
  }

  /// Sets the clusters that the blocked commits would change.
  ///
  /// - Returns: the clusters with another report than before.
  mutating func block(_ now: Set<ObjectReference>) -> Set<ObjectReference> {
    defer { clusters = now }
    return now.union(clusters)
  }

  /// The check that blocks a change of a cluster; nil if none does.
  func blocking(_ cluster: ObjectReference) -> (check: SignatureCheck, commit: UnverifiedCommit)? {
    guard clusters.contains(cluster), let last, let unverified = last.unverified else { return nil }
    return (last, unverified)
  }
}
