import Glibc

/// An exclusive lock for writing to a copy of a repository. The kernel releases it when the process ends,
/// however it ends.
final class FolderLock: Sendable {
  private let descriptor: Int32

  /// - Parameter folder: locked through a file beside it, because the folder itself may be moved aside.
  /// - Returns: nil if another process holds the lock.
  init?(folder: String) throws(GitError) {
    let path = "\(folder).lock"
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw GitError(.invalid, "\(path) cannot be opened: \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }

  deinit {
    // Closing is not enough: a child process has a copy of the descriptor until it executes its program.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
