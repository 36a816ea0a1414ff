import Glibc
import KubeDirector

/// The folder below an embedded cluster's that holds its daemon's socket; nobody but its owner gets into it.
///
/// The address of a socket has room for some hundred bytes. Through the open folder it is short, however long the
/// folder's own path is.
final class ControlFolder: Sendable {
  private let descriptor: Int32
  let path: String

  /// `/proc/self/fd/7/socket`.
  var socket: String { "/proc/self/fd/\(descriptor)/socket" }

  /// - Parameter making: whether to make the folder, or to mend who may enter it.
  /// - Throws: `ControlError` where it is not there, or not ours alone.
  init(below cluster: String, making: Bool) throws(ControlError) {
    path = "\(cluster)/control"
    if making, mkdir(path, 0o700) != 0, errno != EEXIST { throw ControlError.of(path, "cannot be made") }
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .nobody(cluster) : ControlError.of(path, "cannot be opened")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw ControlError.of(path, "cannot be looked at") }
    guard status.st_uid == geteuid() || geteuid() == 0 else {
      throw ControlError("\(path) belongs to another user; run this as that user")
    }
    guard status.st_mode & 0o077 != 0 else { return }
    guard making, chmod("/proc/self/fd/\(descriptor)", 0o700) == 0 else {
      throw ControlError("\(path) is open to others; make it yours alone: chmod 700 \(path)")
    }
  }

  /// Lets nobody but the owner connect, also where the folder's mode should change.
  func close(_ socket: String) { _ = chmod(socket, 0o600) }

  /// Writes a file of the folder, whole or not at all. One that cannot be written stays as it was.
  func write(_ bytes: [UInt8], to name: String) {
    let (new, path) = ("/proc/self/fd/\(descriptor)/\(name).new", "/proc/self/fd/\(descriptor)/\(name)")
    let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { return }
    let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    _ = Glibc.close(file)
    if written == bytes.count { _ = rename(new, path) } else { _ = unlink(new) }
  }

  /// The bytes of a file of the folder; nil where there is none, or a longer one.
  func read(_ name: String, limit: Int) -> [UInt8]? {
    let file = open("/proc/self/fd/\(descriptor)/\(name)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { _ = Glibc.close(file) }
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
    return (0...limit).contains(count) ? Array(bytes.prefix(count)) : nil
  }

  /// Takes the socket away, so that nobody asks a daemon that has ended.
  func remove() { _ = unlink(socket) }

  deinit { _ = Glibc.close(descriptor) }
}

/// Why a daemon could not be asked, or cannot be asked; one sentence with the way out.
public struct ControlError: Error, Hashable, CustomStringConvertible {
  /// The sentence.
  public var description: String
  /// True where no daemon is there to be asked.
  let isNobody: Bool

  init(_ description: String, isNobody: Bool = false) {
    (self.description, self.isNobody) = (description, isNobody)
  }

  static func of(_ path: String, _ what: String) -> ControlError {
    let isForOthers = errno == EACCES
    return ControlError(
      "\(path) \(what): \(String(cString: strerror(errno)))"
        + (isForOthers ? "; run this as the user whose daemon runs" : ""))
  }

  static func nobody(_ cluster: String) -> ControlError {
    ControlError(
      "no daemon runs on the embedded cluster in \(cluster), and nobody else may write it; "
        + "start one with kdops run --embedded=\(cluster), or say it in git", isNobody: true)
  }
}
