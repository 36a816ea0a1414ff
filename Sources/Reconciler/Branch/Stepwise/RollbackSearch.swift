import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Manifests

/// Searches the commits that are still to be applied for one that rolls a running upgrade back, within limits for all of
/// them together.
struct RollbackSearch {
  private let folders = SharedTreeBudget()
  private var bytesLeft: Int
  /// The app that a cluster's file names, by its blob.
  private var apps: [Question: String?] = [:]

  private struct Question: Hashable {
    var blob: ObjectID
    var cluster: ObjectReference
  }

  /// - Parameter bytes: the most bytes of all files that are parsed.
  init(bytes: Int = 16 << 20) { bytesLeft = bytes }

  /// Whether the cluster's file names an app in a commit, and differs from the file that is applied.
  ///
  /// - Throws: `GitError` of kind `.tooLarge` if a limit is exceeded. A commit whose own tree cannot be read requests
  ///   no app.
  mutating func asks(
    for app: String, of cluster: ObjectReference, at commit: ObjectID, _ applied: DesiredState,
    in repository: GitRepository
  ) async throws(GitError) -> Bool {
    guard let path = applied.source(of: cluster)?.path else { return false }
    do throws(GitError) {
      guard let entry = try await repository.entry(at: path, in: commit, budget: folders), entry.isFile,
        entry.id != applied.blob(at: path)
      else { return false }
      let question = Question(blob: entry.id, cluster: cluster)
      if let known = apps[question] { return known == app }
      let size = try await repository.size(ofBlob: entry.id)
      guard size <= ManifestLimits.standard.bytes else { return false }
      bytesLeft -= size
      guard bytesLeft >= 0 else {
        throw GitError(.tooLarge, "the files of the clusters that are upgraded have too many versions")
      }
      let bytes = try await repository.blob(entry.id, limit: ManifestLimits.standard.bytes)
      let found = applied.document(of: cluster, path: path, in: bytes)?["spec"]?["app"]?.string
      apps[question] = .some(found)
      return found == app
    } catch {
      let isUnreadable = error.kind == .malformed || error.kind == .tooLarge
      guard isUnreadable, !folders.isSpent, bytesLeft >= 0 else { throw error }
      return false
    }
  }
}
