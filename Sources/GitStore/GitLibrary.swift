import CLibgit2
import Glibc

/// libgit2 itself: started once a process, with the settings that every handle shares.
public enum GitLibrary {
  /// Starts libgit2 if it is not running yet.
  ///
  /// - Throws: `GitError` where libgit2 refuses to start; the same one on every later call.
  static func start() throws(GitError) { try started.get() }

  private static let started: Result<Void, GitError> = {
    // libgit2 1.5.1 opens no ssh connection in a process without a home, as a system service may be, because
    // it wants to look for a known_hosts there. In this one it finds nothing, and neither does any child of
    // ours. Nor does it open any repository where the home may not be entered, as where `su` keeps root's.
    let home = getenv("HOME").map { String(cString: $0) } ?? ""
    if home.isEmpty || (access(home, X_OK) != 0 && errno == EACCES) { setenv("HOME", "/proc", 1) }
    guard git_libgit2_init() > 0 else { return .failure(.last(-1, "start libgit2")) }
    do throws(GitError) {
      try check(kdops_set_cache_size(Int(cacheBytes)), "limit libgit2's cache")
      try check(kdops_set_user_agent("kdops"), "name ourselves to servers")
      // git itself does not hash what it reads either; damage shows in zlib's own checksum.
      try check(kdops_set_strict_hash_verification(0), "choose how objects are checked")
      try SocketStream.register()
      return .success(())
    } catch {
      return .failure(error)
    }
  }()

  /// What libgit2 may keep of commits and small trees; its default of 256 MB is more than the whole daemon
  /// may have.
  private static let cacheBytes = 16 * 1024 * 1024

  /// Opens repositories of other users too, in the whole process: for a hook, which git has started from that very
  /// repository after it has asked itself whether to trust it.
  public static func trustOwners() throws(GitError) {
    try start()
    try check(kdops_set_owner_validation(0), "open repositories of other users")
  }

  /// Trusts the certificate authorities in a PEM file instead of the system's, in the whole process.
  ///
  /// - Throws: `GitError` of kind `.invalid` where the file cannot be read or holds no certificate.
  public static func trustAuthorities(inFile path: String) throws(GitError) {
    try start()
    guard kdops_set_certificate_file(path) >= 0 else {
      let reason = GitError.last(-1, "trust the certificate authorities in \(path)")
      throw GitError(.invalid, reason.message, hint: "give a PEM file that holds the authority's certificate")
    }
  }
}
