import Glibc
import KubeDirector

/// The folder of the daemon's socket, inside an embedded cluster's folder; only its owner can enter it.
///
/// The address of a socket is limited to about a hundred bytes. A path through the open descriptor is short, however
/// long the folder's own path is.
final class ControlFolder: Sendable {
  private let descriptor: Int32
  let path: String

  /// `/proc/self/fd/7/socket`.
  var socket: String { "/proc/self/fd/\(descriptor)/socket" }

  /// Opens the folder.
  ///
  /// - Parameter making: whether to create the folder and to correct its permissions.
  /// - Throws: `ControlError` if the folder does not exist, or others may enter it.
  init(below cluster: String, making: Bool) throws(ControlError) {
    path = "\(cluster)/control"
    if making, mkdir(path, 0o700) != 0, errno != EEXIST { throw ControlError.of(path, "cannot be made") }
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .notRunning(cluster) : ControlError.of(path, "cannot be opened")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw ControlError.of(path, "cannot be looked at") }
    guard status.st_uid == geteuid() || geteuid() == 0 else {
      throw ControlError("\(path) belongs to another user; run this as that user")
    }
    guard status.st_mode & 0o077 != 0 else { return }
    guard making, chmod("/proc/self/fd/\(descriptor)", 0o700) == 0 else {
      throw ControlError("\(path) is open to other users; restrict it to your account: chmod 700 \(path)")
    }
  }

  /// Restricts the socket to its owner, even if the folder's mode changes.
  func close(_ socket: String) { _ = chmod(socket, 0o600) }

  /// Writes a file of the folder atomically. On an error the file keeps its old content.
  func write(_ bytes: [UInt8], to name: String) {
    let (new, path) = ("/proc/self/fd/\(descriptor)/\(name).new", "/proc/self/fd/\(descriptor)/\(name)")
    let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { return }
    let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    _ = Glibc.close(file)
    if written == bytes.count { _ = rename(new, path) } else { _ = unlink(new) }
  }

  /// The bytes of a file of the folder; nil if it does not exist or exceeds the limit.
  func read(_ name: String, limit: Int) -> [UInt8]? {
    let file = open("/proc/self/fd/\(descriptor)/\(name)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { _ = Glibc.close(file) }
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
    return (0...limit).contains(count) ? Array(bytes.prefix(count)) : nil
  }

  /// Removes the socket, so that no command is sent to a daemon that has ended.
  func remove() { _ = unlink(socket) }

  deinit { _ = Glibc.close(descriptor) }
}

/// The reason why a daemon cannot be reached; one sentence with the remediation.
public struct ControlError: Error, Hashable, CustomStringConvertible {
  /// The reason and the remediation, in one sentence.
  public var description: String
  /// True if no daemon runs.
  let isNotRunning: Bool

  init(_ description: String, isNotRunning: Bool = false) {
    (self.description, self.isNotRunning) = (description, isNotRunning)
  }

  static func of(_ path: String, _ what: String) -> ControlError {
    let isForOthers = errno == EACCES
    return ControlError(
      "\(path) \(what): \(String(cString: strerror(errno)))"
        + (isForOthers ? "; run this as the user whose daemon runs" : ""))
  }

  static func notRunning(_ cluster: String) -> ControlError {
    ControlError(
      "no daemon runs on the embedded cluster in \(cluster), and only the daemon may write to it; "
        + "start one with kdops run --embedded=\(cluster), or say it in git", isNotRunning: true)
  }
}
