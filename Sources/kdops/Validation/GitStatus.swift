import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Manifests
import Rules
import StatusWriter
import Values

/// What the daemon last wrote to git about running clusters. Anybody who may write the ref could have forged it,
/// so it is believed only as far as the rules say.
struct GitStatus: Sendable {
  /// The commit of the status, and its age in whole seconds.
  let commit: ObjectID
  let age: Int
  let clusters: [ClusterFile]

  /// The largest file of the tree that is read, in bytes.
  private static let fileLimit = 64 << 10

  /// Where the tree stands in a clone: its own ref where it was fetched, and the daemon's copy, and the branch.
  static let refs = [
    "refs/kdops/status", "refs/kdops/remote/kdops/status", "refs/remotes/origin/kdops/status",
  ]

  /// - Parameters:
  ///   - ref: where to look; nil means the usual places.
  ///   - now: in seconds since 1970.
  /// - Returns: nil where there is none.
  static func read(from repository: GitRepository, ref: String? = nil, now: Int64) async throws -> GitStatus?
  {
    for ref in ref.map({ [$0] }) ?? refs {
      guard let commit = try await repository.target(of: ref) else { continue }
      let info = try await repository.commitInfo(commit)
      let entries = try await repository.tree(at: commit).filter { $0.isFile && $0.path.hasSuffix(".yaml") }
      let files = try await repository.readBlobs(entries.map(\.id)) { index, bytes -> ClusterFile? in
        guard bytes.count <= fileLimit else { return nil }
        let file = SettingsFile(path: entries[index].path, bytes: Array(bytes))
        return file.json.flatMap { ClusterFile(path: entries[index].path, $0) }
      }
      return GitStatus(
        commit: commit, age: Int(max(0, now - info.committer.seconds)), clusters: files.compactMap(\.self))
    }
    return nil
  }

  var view: LiveView {
    var view = LiveView(source: .tree(commit: commit.hex, age: age))
    for file in clusters { view.hold(.cluster(file.namespace, file.name), status: file.status) }
    return view
  }
}
