/// Whether scripts can run in bubblewrap on this machine.
public enum SandboxState: Sendable, Hashable {
  case works
  case notInstalled
  /// bubblewrap cannot create a sandbox. Has its message, and whether the daemon, as root, would have to change to an
  /// unprivileged user first.
  case refused(String, changesUser: Bool)

  /// Tries to create a sandbox.
  ///
  /// - Parameter directory: for temporary files; the caller removes it.
  /// - Throws: an error if the files cannot be created.
  public static func probe(in directory: String) async throws(EmbeddedClusterError) -> SandboxState {
    let sandbox = Sandbox(mode: .bubblewrap, limits: SandboxLimits())
    guard Sandbox.isInstalled else { return .notInstalled }
    guard let failure = try await sandbox.failure(in: directory) else { return .works }
    return .refused(failure, changesUser: sandbox.owner != nil)
  }
}
