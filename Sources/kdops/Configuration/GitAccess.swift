import GitStore

/// The daemon's git credentials. Secrets come from files or the environment, never from flags, and are read
/// when they are needed.
enum GitAccess {
  /// - Parameter environment: `KDOPS_GIT_TOKEN` or `KDOPS_GIT_TOKEN_FILE`; `KDOPS_GIT_USER` with
  ///   `KDOPS_GIT_PASSWORD` or `KDOPS_GIT_PASSWORD_FILE`; `KDOPS_GIT_SSH_KEY_FILE` with
  ///   `KDOPS_GIT_SSH_PASSPHRASE` or `KDOPS_GIT_SSH_PASSPHRASE_FILE`; `KDOPS_GIT_KNOWN_HOSTS`.
  /// - Throws: `GitError` if the address cannot be used.
  static func remote(_ address: String, _ environment: [String: String]) throws(GitError) -> Remote {
    let url = try GitURL(address)
    return Remote(
      url, credentials: credentials(for: url, environment), knownHosts: environment["KDOPS_GIT_KNOWN_HOSTS"])
  }

  private static func credentials(for url: GitURL, _ environment: [String: String]) -> Credentials {
    func secret(_ name: String) -> SecretSource? {
      if let file = environment["\(name)_FILE"] { return .file(file) }
      return environment[name] == nil ? nil : .environment(name)
    }
    switch url {
    case .path: return .none
    case .web:
      if let token = secret("KDOPS_GIT_TOKEN") { return .token(token) }
      if let user = environment["KDOPS_GIT_USER"], let password = secret("KDOPS_GIT_PASSWORD") {
        return .basic(user: user, password: password)
      }
      return .none
    case .ssh:
      guard let key = environment["KDOPS_GIT_SSH_KEY_FILE"] else { return .sshAgent }
      return .sshKey(file: key, passphrase: secret("KDOPS_GIT_SSH_PASSPHRASE"))
    }
  }
}
