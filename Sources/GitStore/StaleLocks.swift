import CLibgit2
import Glibc

/// Locks on refs that a process left behind when it was killed: git takes them for those of a live writer, for ever.
enum StaleLocks {
  /// In seconds. A ref is locked for milliseconds, whoever writes it; git itself waits a tenth of a second for one.
  static let patience = 10

  /// Removes the lock of a ref where nobody can be holding it any more.
  ///
  /// - Returns: whether there was one.
  static func clear(_ ref: String, in repository: RepositoryHandle) -> Bool {
    guard let folder = git_repository_commondir(repository.pointer).map({ String(cString: $0) }) else {
      return false
    }
    var information = stat()
    let path = "\(folder)/\(ref).lock"
    guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      time(nil) - information.st_mtim.tv_sec >= patience
    else { return false }
    return unlink(path) == 0
  }

  /// Removes every lock in a repository that nobody but the caller uses.
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
