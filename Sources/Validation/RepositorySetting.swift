/// The keys of git's configuration that validation and hooks read.
public enum RepositorySetting {
  /// The branch that the daemon follows.
  public static let branch = "kdops.branch"
  /// The remote that the branch is pushed to.
  public static let remote = "kdops.remote"
  /// The installation whose status is used.
  public static let installation = "kdops.installation"
}
