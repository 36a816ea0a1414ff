import ClusterAPI
import GitStore
import KubeDirector
import Logging

// Which commit was worked off last, so that rewritten history is noticed by whichever daemon comes next.
extension Reconciler {
  /// The same in our own copy, for where the cluster keeps no record.
  var workedRef: String { Self.workedRef(settings.branch) }

  /// Which commit of a branch a daemon with this copy of the repository has worked off last. Nothing that a remote has
  /// comes to be there.
  public static func workedRef(_ branch: String) -> String { "refs/kdops/worked/\(branch)" }

  /// The commit that was worked off last, by whomever; nil where nobody knows of any. Our copy need not have it.
  func lastWorked(in repository: GitRepository) async throws -> ObjectID? {
    if let recorded { return recorded }
    return try await repository.target(of: workedRef)
  }

  /// The same, where our copy has it. One that was made after history was rewritten does not.
  func lastWorkedAtHand(in repository: GitRepository) async throws -> ObjectID? {
    guard let worked = try await lastWorked(in: repository), try await repository.has(worked) else {
      return nil
    }
    return worked
  }

  /// Whether a commit is this head or lies before it. A head comes with all its history, so what our copy lacks does
  /// not.
  func isPart(_ commit: ObjectID, of head: ObjectID, in repository: GitRepository) async throws -> Bool {
    guard try await repository.has(commit) else { return false }
    return try await repository.isAncestor(commit, of: head)
  }

  /// Takes up, once, what the cluster keeps. Where that cannot be told nothing is followed meanwhile, for it may be
  /// that somebody has rewritten history.
  func recallWorked() async throws {
    guard !isRecordRead else { return }
    do throws(APIError) {
      switch try await outlets.worked() {
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

  /// Writes down that a commit is worked off, where that is not there already. Where the cluster refuses it our own
  /// copy has to do.
  ///
  /// - Parameter kept: what our copy has.
  func keepWorked(
    _ commit: ObjectID, insteadOf kept: ObjectID?, in repository: GitRepository
  ) async throws {
    if recorded != commit { try await keepInCluster(commit) }
    if kept != commit { try await repository.updateRef(workedRef, to: commit, expecting: kept) }
  }

  private func keepInCluster(_ commit: ObjectID) async throws {
    do throws(APIError) {
      try await outlets.keepWorked(commit)
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
