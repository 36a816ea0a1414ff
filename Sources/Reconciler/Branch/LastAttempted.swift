import ClusterAPI
import GitStore
import KubeDirector
import Logging

// The last attempted revision, so that the next daemon detects rewritten history.
extension Reconciler {
  /// The ref in the local repository that stores the last attempted revision, in case the cluster has no record.
  var lastAttemptedRef: String { Self.lastAttemptedRef(settings.branch) }

  /// The ref for the last attempted revision of a branch by a daemon with this local repository. Refs of a remote are
  /// never fetched to this place.
  public static func lastAttemptedRef(_ branch: String) -> String { "refs/kdops/worked/\(branch)" }

  /// The last attempted revision of any daemon; nil if none is known. The local repository may not have this commit.
  func lastAttempted(in repository: GitRepository) async throws -> ObjectID? {
    if let recorded { return recorded }
    return try await repository.target(of: lastAttemptedRef)
  }

  /// The last attempted revision if the local repository has it. A repository that was cloned after history was
  /// rewritten does not.
  func lastAttemptedAtHand(in repository: GitRepository) async throws -> ObjectID? {
    guard let lastAttempted = try await lastAttempted(in: repository), try await repository.has(lastAttempted)
    else {
      return nil
    }
    return lastAttempted
  }

  /// Whether a commit is this head or one of its ancestors. A head is fetched with all its history, so a commit that
  /// the local repository lacks is not an ancestor.
  func isPart(_ commit: ObjectID, of head: ObjectID, in repository: GitRepository) async throws -> Bool {
    guard try await repository.has(commit) else { return false }
    return try await repository.isAncestor(commit, of: head)
  }

  /// Reads, once, the revision stored in the cluster. If that fails, no head is followed in the meantime, because
  /// history may have been rewritten.
  func readLastAttempted() async throws {
    guard !isRecordRead else { return }
    do throws(APIError) {
      switch try await delegate.lastAttempted() {
      case .commit(let commit): recorded = commit
      case .none: break
      case .unproven:
        logger.warning(
          "worked.unproven",
          metadata: [
            "branch": "\(settings.branch)",
            "hint": "no daemon of this installation wrote it, or its key is a new one; it is passed over",
          ])
      }
    } catch  where error.kind == .forbidden {
      isRecordRefused = true
      logger.warning("worked.unread", metadata: ["error": "\(error)", "hint": "\(Self.wayToRights)"])
    } catch {
      logger.warning("worked.unread", metadata: ["error": "\(error)"])
      throw error
    }
    isRecordRead = true
  }

  /// Stores the last attempted revision unless it is stored already. If the cluster forbids that, only the local
  /// repository stores it.
  ///
  /// - Parameter kept: the revision that the local repository stores now.
  func storeLastAttempted(
    _ commit: ObjectID, insteadOf kept: ObjectID?, in repository: GitRepository
  ) async throws {
    if recorded != commit { try await keepInCluster(commit) }
    if kept != commit { try await repository.updateRef(lastAttemptedRef, to: commit, expecting: kept) }
  }

  private func keepInCluster(_ commit: ObjectID) async throws {
    do throws(APIError) {
      try await delegate.storeLastAttempted(commit)
      recorded = commit
      isRecordRefused = false
    } catch  where error.isTransient || error.kind == .alreadyExists || error.kind == .unauthorized {
      logger.warning("worked.unwritten", metadata: ["commit": "\(commit.short)", "error": "\(error)"])
      throw error
    } catch {
      recorded = nil
      guard !isRecordRefused else { return }
      isRecordRefused = true
      logger.warning("worked.unwritten", metadata: ["error": "\(error)", "hint": "\(Self.wayToRights)"])
    }
  }

  private static let wayToRights =
    "without it a new pod does not notice rewritten history: kdops install --export | kubectl apply -f -"
}
