import Diagnostics
import GitStore
import KubeDirector

/// The approvals of an administrator: one head with everything that it would do, and deletions of earlier approved
/// heads that have not happened yet.
struct ApprovalState {
  private enum Approved {
    /// The approval that an earlier daemon stored was not read yet.
    case unread
    case nothing
    case head(ObjectID)
  }

  private var approved = Approved.unread
  private var deletions: Set<ObjectReference> = []

  var isRead: Bool {
    if case .unread = approved { false } else { true }
  }

  var head: ObjectID? {
    if case .head(let commit) = approved { commit } else { nil }
  }

  /// Whether a cluster may be deleted under any head.
  func allowsDeletion(of cluster: ObjectReference) -> Bool { deletions.contains(cluster) }

  mutating func approve(_ head: ObjectID) { approved = .head(head) }

  /// Takes over the approval that an earlier daemon stored, unless another head was approved meanwhile.
  mutating func read(_ stored: ObjectID?) {
    guard !isRead else { return }
    approved = stored.map { .head($0) } ?? .nothing
  }

  /// The head whose approval ends because another head is reconciled; nil if no approval ends. An approval covers one
  /// head: if a push later restores that head, it needs a new approval.
  ///
  /// - Parameters:
  ///   - head: the head that is reconciled now.
  ///   - ahead: the commits that are reconciled later.
  func ending(at head: ObjectID, ahead: [ObjectID]) -> ObjectID? {
    guard let approved = self.head, approved != head, !ahead.contains(approved) else { return nil }
    return approved
  }

  /// Ends the approval of a head.
  ///
  /// - Parameter deletions: approved deletions that have not happened yet, such as one that waits for an upgrade; they
  ///   stay approved.
  mutating func end(keeping deletions: Set<ObjectReference>) {
    self.deletions.formUnion(deletions)
    approved = .nothing
  }

  /// Withdraws the approval to delete clusters that git has again.
  mutating func keepDeletions(where isGone: (ObjectReference) -> Bool) {
    deletions = deletions.filter(isGone)
  }
}
