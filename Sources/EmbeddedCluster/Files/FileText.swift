import Glibc

/// A file could not be read because the daemon has no descriptor or memory left. Its content is unknown.
struct FileShortage: Error {}

/// Reads and writes small files of the daemon.
enum FileText {
  /// Reads the first bytes of one of the daemon's files as text; nil if it cannot be read.
  static func read(_ path: String) -> String? {
    bytes(path, limit: 4096).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Reads a small file; nil if there is none, or this user may not read it.
  /// - Throws: `FileShortage` if the daemon has no descriptor or memory left.
  static func readIfPresent(_ path: String, limit: Int = 4096) throws(FileShortage) -> [UInt8]? {
    errno = 0
    if let bytes = bytes(path, limit: limit) { return bytes }
    if ProcAccess(errno: errno) == .unknown { throw FileShortage() }
    return nil
  }

  /// Writes a file, or replaces its content.
  ///
  /// - Parameter mode: of a new file, before the umask.
  static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o666) throws(FileError) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw FileError(errno: errno, path) }
    defer { close(file) }
    try write(bytes, to: file, path)
  }

  /// Writes all bytes to an open file.
  ///
  /// - Parameter path: for the error.
  static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { throw FileError(errno: errno, path) }
      rest = rest.dropFirst(count)
    }
  }

  static func bytes(_ path: String, limit: Int) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer {
      let error = errno
      close(file)
      errno = error
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(max(limit, 1), 64 << 10))
    while bytes.count < limit {
      let count = Glibc.read(file, &buffer, min(buffer.count, limit - bytes.count))
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}
