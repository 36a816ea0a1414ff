/// The keys of git's configuration that validation and hooks heed.
public enum RepositorySetting {
  /// The branch that the daemon follows.
  public static let branch = "kdops.branch"
  /// The remote that it is pushed to.
  public static let remote = "kdops.remote"
  /// The installation whose status is asked.
  public static let installation = "kdops.installation"
}
