import Glibc

/// An exclusive lock on an embedded cluster's folder: only one process can write to it at a time.
///
/// The kernel releases it when the process ends for any reason. Child processes do not inherit it, so that a
/// script that outlives the daemon does not block the next one.
final class DirectoryLock: Sendable {
  private let descriptor: Int32

  init(directory: String) throws(EmbeddedClusterError) {
    let path = "\(directory)/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw EmbeddedClusterError("\(path) cannot be opened: \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      close(descriptor)
      guard reason == EWOULDBLOCK else {
        throw EmbeddedClusterError("\(path) cannot be locked: \(String(cString: strerror(reason)))")
      }
      throw EmbeddedClusterError(
        "The embedded cluster in \(directory) is in use by another process; stop that one first, or choose another folder"
      )
    }
    self.descriptor = descriptor
  }

  deinit {
    // Closing is not enough: a child process has a copy of the descriptor until it executes its program.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
