import CLibgit2
import Glibc

/// The libgit2 library: initialized once per process, with the settings that all handles share.
public enum GitLibrary {
  /// Initializes libgit2 if it is not initialized yet.
  ///
  /// - Throws: `GitError` if libgit2 cannot be initialized; the same error on every later call.
  static func start() throws(GitError) { try started.get() }

  /// The version of the libgit2 that is loaded.
  public static var version: String {
    var numbers: (Int32, Int32, Int32) = (0, 0, 0)
    git_libgit2_version(&numbers.0, &numbers.1, &numbers.2)
    return "\(numbers.0).\(numbers.1).\(numbers.2)"
  }

  private static let started: Result<Void, GitError> = {
    // libgit2 1.5.1 opens no SSH connection in a process without a home folder, as a system service may be,
    // because it looks for a known_hosts file there. In `/proc` it finds nothing, and neither does any child
    // process. It also opens no repository if the home folder is not accessible, as when `su` keeps root's.
    let home = getenv("HOME").map { String(cString: $0) } ?? ""
    if home.isEmpty || (access(home, X_OK) != 0 && errno == EACCES) { setenv("HOME", "/proc", 1) }
    guard git_libgit2_init() > 0 else { return .failure(.last(-1, "start libgit2")) }
    do throws(GitError) {
      try AllocationLimit.install()
      try check(kdops_set_cache_size(Int(cacheBytes)), "limit libgit2's cache")
      try check(kdops_set_pack_windows(windowBytes, mappedBytes), "limit the mapped part of packs")
      try check(kdops_set_user_agent("kdops"), "name ourselves to servers")
      // git itself does not verify hashes on read either; zlib's own checksum reveals damage.
      try check(kdops_set_strict_hash_verification(0), "choose how objects are checked")
      try SocketStream.register()
      return .success(())
    } catch {
      return .failure(error)
    }
  }()

  /// libgit2's cache for commits and small trees; its default of 256 MB is more than the memory limit of the
  /// whole daemon.
  private static let cacheBytes = 16 * 1024 * 1024

  /// The size in bytes of one mapped part of a pack. The next constant limits the mapped parts of all packs. libgit2's
  /// defaults are 1 GB and 32 GB.
  private static let windowBytes = 32 << 20
  private static let mappedBytes = 128 << 20

  /// Allows repositories of other users, in the whole process. For a hook: git started it from that very
  /// repository after it checked the owner itself.
  public static func trustOwners() throws(GitError) {
    try start()
    try check(kdops_set_owner_validation(0), "open repositories of other users")
  }

  /// Trusts the certificate authorities in a PEM file instead of the system's, in the whole process.
  ///
  /// - Throws: `GitError` of kind `.invalid` if the file cannot be read or has no certificate.
  public static func trustAuthorities(inFile path: String) throws(GitError) {
    try start()
    guard kdops_set_certificate_file(path) >= 0 else {
      let reason = GitError.last(-1, "trust the certificate authorities in \(path)")
      throw GitError(.invalid, reason.message, hint: "give a PEM file that holds the authority's certificate")
    }
  }
}
