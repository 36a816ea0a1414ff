import Glibc

/// The right to write to an embedded cluster's folder: one process has it at a time.
///
/// The kernel takes it back when the process ends, however it ends. It is not handed on to child processes, so
/// that a script that outlives the daemon does not keep the next one out.
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

  deinit { close(descriptor) }
}
