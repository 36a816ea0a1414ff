import Glibc

/// The access that other users get to files written into a git folder, as set in `core.sharedRepository`
/// (git-config(1)).
///
/// A user who may write facts can forge them. In a repository that is shared in this way, the same users may
/// also write its refs and hooks.
struct SharedAccess: Sendable, Hashable {
  /// The mode bits that files get in addition to those that the umask leaves.
  private var added: UInt32 = 0
  /// The exact mode bits of files; nil if the umask applies.
  private var exact: UInt32?

  /// - Parameter setting: The value in git's configuration; nil if it is not set. A value that git would not
  ///   accept counts as not set.
  init(_ setting: String?) {
    switch setting?.lowercased() {
    case "group", "true", "yes", "on", "1", "": added = 0o660
    case "all", "world", "everybody", "2": added = 0o664
    case let text?:
      guard let mode = UInt32(text, radix: 8), mode & 0o600 == 0o600 else { break }
      exact = mode & 0o666
    case nil: break
    }
  }

  /// Sets the mode of a file or a folder. Does not change files of other owners.
  func grant(_ path: String) {
    guard added != 0 || exact != nil else { return }
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    let isFolder = information.st_mode & S_IFMT == S_IFDIR
    guard isFolder || information.st_mode & S_IFMT == S_IFREG else { return }
    let old = information.st_mode & 0o7777
    var mode = exact.map { old & ~0o777 | $0 } ?? (old | added)
    // A user who may read a folder may also enter it, and files created in it belong to its group.
    if isFolder { mode |= (mode & 0o444) >> 2 | S_ISGID }
    if mode != old { _ = chmod(path, mode) }
  }
}
