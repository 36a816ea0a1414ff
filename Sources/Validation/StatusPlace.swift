import GitStore
import Reports

/// Finds the status tree in a repository.
enum StatusPlace {
  /// The refs in which a clone can have the status: the copy of the remote's ref, that ref itself in the remote
  /// repository, and the branch with the same files.
  ///
  /// - Parameter installation: The installation's name, as in the daemon's configuration.
  static func refs(installation: String) -> [String] {
    let ending = StatusRefs(notes: nil, tree: "", branch: nil).suffixed(installation).tree ?? ""
    return ["refs/kdops/remote/kdops/status", "refs/kdops/status", "refs/remotes/origin/kdops/status"].map {
      $0 + ending
    }
  }

  /// Returns the newest status. A status that a user once fetched by hand must not take precedence over those
  /// that every fetch updates.
  ///
  /// - Parameter ref: The ref to look at; nil means the usual refs of the installation that git's
  ///   configuration names under `kdops.installation`.
  /// - Returns: The commit, or nil if there is none; and the errors of refs that exist but cannot be used.
  ///   Anyone with write access may have pointed a ref at a file.
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
            error.kind, "\(ref) is not a readable status: \(error.message)",
            hint: "remove it: git update-ref -d \(ref)"))
      }
    }
    return (newest, problems)
  }
}
