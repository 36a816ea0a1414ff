import ClusterAPI
import GitStore
import Logging

// The last attempted revision, so that the next daemon detects rewritten history.
extension Reconciler {
  /// The ref for the last attempted revision of a branch by a daemon with this local repository.
  public static func lastAttemptedRef(_ branch: String) -> String { BranchReader.lastAttemptedRef(branch) }

  /// The last attempted revision of any daemon; nil if the local repository lacks it, as after a clone that was made
  /// after history was rewritten.
  func availableLastAttempted() async throws -> ObjectID? {
    guard let commit = try await lastAttempted(), try await repository.has(commit) else { return nil }
    return commit
  }

  /// The last attempted revision, whichever daemon stored it.
  func lastAttempted() async throws -> ObjectID? {
    if let commit = branch.record.commit { return commit }
    return try await reader.lastAttempted()
  }

  /// Reads, once, the revision stored in the cluster. If that fails, no head is followed in the meantime, because
  /// history may have been rewritten.
  func readLastAttempted() async throws {
    guard branch.record == .unread else { return }
    do throws(APIError) {
      let reading = try await records.lastAttempted()
      branch.record.read(reading)
      guard reading == .unproven else { return }
      logger.warning(
        "revision.unverified",
        metadata: [
          "branch": "\(settings.branch)",
          "hint": "no daemon of this installation wrote it, or its key is a new one; it is ignored",
        ])
    } catch {
      guard error.kind == .forbidden else {
        logger.warning("revision.unread", metadata: ["error": "\(error)"])
        throw error
      }
      _ = branch.record.refuse()
      logger.warning("revision.unread", metadata: ["error": "\(error)", "hint": "\(Self.permissionHint)"])
    }
  }

  /// Stores the last attempted revision unless it is stored already. If the cluster forbids that, only the local
  /// repository stores it.
  ///
  /// - Parameter stored: the revision that the local repository stores now.
  func storeLastAttempted(_ commit: ObjectID, insteadOf stored: ObjectID?) async throws {
    if branch.record.commit != commit { try await storeInCluster(commit) }
    try await reader.storeLastAttempted(commit, insteadOf: stored)
  }

  private func storeInCluster(_ commit: ObjectID) async throws {
    do throws(APIError) {
      try await records.storeLastAttempted(commit)
      branch.record.wrote(commit)
    } catch  where error.isTransient || error.kind == .alreadyExists || error.kind == .unauthorized {
      logger.warning("revision.unwritten", metadata: ["commit": "\(commit.short)", "error": "\(error)"])
      throw error
    } catch {
      guard branch.record.refuse() else { return }
      logger.warning("revision.unwritten", metadata: ["error": "\(error)", "hint": "\(Self.permissionHint)"])
    }
  }

  private static let permissionHint =
    "without it a new pod does not notice rewritten history: kdops install --export | kubectl apply -f -"
}
