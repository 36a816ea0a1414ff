import CLibgit2
import Glibc

/// Ref locks that remain after a process was killed. git treats them as the locks of a running writer,
/// forever.
enum StaleLocks {
  /// The minimum age of a stale lock, in seconds. Every writer locks a ref only for milliseconds; git itself
  /// waits a tenth of a second for one.
  static let minimumAge = 10

  /// Removes the lock of a ref if it is too old to be in use.
  ///
  /// - Returns: whether a lock was removed.
  static func clear(_ ref: String, in repository: RepositoryHandle) -> Bool {
    guard let folder = git_repository_commondir(repository.pointer).map({ String(cString: $0) }) else {
      return false
    }
    var information = stat()
    let path = "\(folder)/\(ref).lock"
    guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      time(nil) - information.st_mtim.tv_sec >= minimumAge
    else { return false }
    return unlink(path) == 0
  }

  /// Removes all locks in a repository that only the caller uses.
  static func clearAll(in folder: String) {
    for name in ["HEAD", "config", "packed-refs"] { unlink("\(folder)/\(name).lock") }
    clearBelow("\(folder)/refs")
  }

  private static func clearBelow(_ folder: String) {
    Folders.forEachName(in: folder) { name in
      let path = "\(folder)/\(name)"
      var information = stat()
      guard lstat(path, &information) == 0 else { return }
      if information.st_mode & S_IFMT == S_IFDIR {
        clearBelow(path)
      } else if name.hasSuffix(".lock") {
        unlink(path)
      }
    }
  }
}
