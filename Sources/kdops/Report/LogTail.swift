import Glibc

/// Reads the end of a log file.
enum LogTail {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Only this much of the file is read, in bytes.
  private static let limit = 4 << 20

  /// The last lines, oldest first. An incomplete first line is left out.
  ///
  /// - Parameter path: `-` for standard input.
  static func lines(of path: String, last count: Int) throws(Failure) -> [String] {
    let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var isCut = false
    // A pipe has no end to seek to; it is read from its beginning.
    let size = lseek(descriptor, 0, SEEK_END)
    if size >= 0 {
      isCut = size > limit
      lseek(descriptor, isCut ? size - limit : 0, SEEK_SET)
    }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let got = read(descriptor, &buffer, buffer.count)
      if got < 0 {
        if errno == EINTR { continue }
        throw failure(path)
      }
      if got == 0 { break }
      content += buffer[..<got]
      if content.count > 2 * limit {
        content.removeFirst(content.count - limit)
        isCut = true
      }
    }
    var lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if isCut, !lines.isEmpty { lines.removeFirst() }
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.suffix(count).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func failure(_ path: String) -> Failure {
    Failure(
      description:
        "the log \(path) cannot be read: \(String(cString: strerror(errno))); check the path and who may read it"
    )
  }
}
