import Glibc

/// An exclusive lock on a file, between processes. The kernel releases it when the process ends, however it ends.
///
/// Child processes do not inherit it, so that a script that outlives the daemon does not block the next one.
public final class FileLock: Sendable {
  /// Why a lock cannot be taken, other than because another process has it.
  public struct Failure: Error, Hashable, CustomStringConvertible {
    /// A statement with the path and the system's reason.
    public var description: String

    init(_ path: String, _ what: String, _ errno: Int32) {
      description = "\(path) cannot be \(what): \(String(cString: strerror(errno)))"
    }
  }

  private let descriptor: Int32

  /// Takes the lock, and creates its file if it does not exist.
  ///
  /// - Returns: nil if another process holds the lock.
  public init?(path: String) throws(Failure) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Failure(path, "opened", errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      close(descriptor)
      guard reason == EWOULDBLOCK else { throw Failure(path, "locked", reason) }
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
