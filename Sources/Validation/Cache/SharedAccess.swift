import Glibc

/// Who beside its owner may use what is written into a git folder, as `core.sharedRepository` says (git-config(1)).
///
/// Whoever may write facts can have them say anything; in a repository that is shared so, the same people may write its
/// refs and hooks.
struct SharedAccess: Sendable, Hashable {
  /// Rights that files get beside those of the umask.
  private var added: UInt32 = 0
  /// The very rights that files get; nil where the umask has a say.
  private var exact: UInt32?

  /// - Parameter setting: what git's configuration says; nil where it says nothing. What git would not take counts as
  ///   nothing.
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

  /// Gives a file, or a folder, those rights. Somebody else's stays as it is.
  func grant(_ path: String) {
    guard added != 0 || exact != nil else { return }
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    let isFolder = information.st_mode & S_IFMT == S_IFDIR
    guard isFolder || information.st_mode & S_IFMT == S_IFREG else { return }
    let old = information.st_mode & 0o7777
    var mode = exact.map { old & ~0o777 | $0 } ?? (old | added)
    // Who may read a folder may enter it, and what is made in it is its group's.
    if isFolder { mode |= (mode & 0o444) >> 2 | S_ISGID }
    if mode != old { _ = chmod(path, mode) }
  }
}
