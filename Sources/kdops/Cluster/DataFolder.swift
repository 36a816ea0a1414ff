import KubeDirector

/// The folder of a daemon on Kubernetes for its copy of the repository.
enum DataFolder {
  /// - Parameters:
  ///   - given: the folder that a flag names; nil for none.
  ///   - repo: the daemon's repository; nil if none is named.
  /// - Returns: the given folder, or that of `KDOPS_DATA`, or one for the installation and the repository below the
  ///   state folder of the user.
  static func path(
    _ given: String?, installation: String, repo: String?, _ environment: [String: String]
  ) -> String {
    if let named = given ?? environment["KDOPS_DATA"] { return named }
    let state = EmbeddedFolder.state(environment)
    return repo.map { "\(state)/\(installation)-\(Digest.short($0))" } ?? state
  }
}
