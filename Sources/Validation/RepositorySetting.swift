/// The keys of git's configuration that validation and hooks read.
public enum RepositorySetting {
  /// The branch that the daemon follows.
  public static let branch = "kdops.branch"
  /// The remote that the branch is pushed to.
  public static let remote = "kdops.remote"
  /// The installation whose status is used.
  public static let installation = "kdops.installation"

  /// The beginning of the refs on the remote that have statuses.
  static let statusRefs = "refs/kdops/status"

  /// The refspec with which `git fetch` fetches the statuses of all installations. It is a pattern because git fails if a
  /// single ref does not exist yet.
  public static let statusRefspec = "+\(statusRefs)*:refs/kdops/remote/kdops/status*"

  /// The key of the refspecs that `git fetch` uses for a remote.
  public static func refspecs(of remote: String) -> String { "remote.\(remote).fetch" }
}
