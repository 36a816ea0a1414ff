import GitStore
import StatusWriter

/// Where a repository holds the status tree.
enum StatusPlace {
  /// A clone's copy of what the remote has, the remote's own ref, and the branch with the same files.
  ///
  /// - Parameter installation: as in the daemon's configuration.
  static func refs(installation: String) -> [String] {
    let ending = StatusRefs(notes: nil, tree: "", branch: nil).suffixed(installation).tree ?? ""
    return ["refs/kdops/remote/kdops/status", "refs/kdops/status", "refs/remotes/origin/kdops/status"].map {
      $0 + ending
    }
  }

  /// The status that was written last: one that was fetched by hand once is not to stand before those that every
  /// fetch brings.
  ///
  /// - Parameter ref: where to look; nil means the usual places, of the installation that git's configuration names
  ///   under `kdops.installation`.
  /// - Returns: nil where there is none; and why refs that are there cannot be used. Anybody who may write one may have
  ///   made it name a file.
  static func newest(
    in repository: GitRepository, ref: String?
  ) async throws(GitError) -> (commit: CommitInfo?, problems: [GitError]) {
    let refs: [String]
    if let ref {
      refs = [ref]
    } else {
      refs = Self.refs(
        installation: try await repository.setting(RepositorySetting.installation) ?? "default")
    }
    var newest: CommitInfo?
    var problems: [GitError] = []
    for ref in refs {
      do throws(GitError) {
        guard let id = try await repository.target(of: ref), id != newest?.id else { continue }
        let info = try await repository.commitInfo(id)
        if info.committer.seconds > newest?.committer.seconds ?? .min { newest = info }
      } catch {
        problems.append(
          GitError(
            error.kind, "\(ref) is no status that can be read: \(error.message)",
            hint: "remove it: git update-ref -d \(ref)"))
      }
    }
    return (newest, problems)
  }
}
