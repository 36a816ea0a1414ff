import ClusterAPI
import GitStore
import Reports

/// The records that a reconciler keeps for its successor, in git and in the cluster.
public protocol ReconcileRecords: Sendable {
  /// Returns the last written report of a commit, by this daemon or an earlier one; nil if there is none.
  func lastReport(of commit: ObjectID) async -> CommitReport?

  /// Reads the last attempted revision that the cluster stores, of this daemon or an earlier one.
  func lastAttempted() async throws(APIError) -> LastAttemptedRevision.Reading

  /// Stores the last attempted revision in the cluster.
  func storeLastAttempted(_ commit: ObjectID) async throws(APIError)

  /// Stores the list of blocked changes in the cluster.
  ///
  /// - Returns: false if that failed and must be tried again.
  func store(_ blocked: BlockedChangeList) async -> Bool
}
