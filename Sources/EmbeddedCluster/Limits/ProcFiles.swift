import Glibc

/// The result of an access to another process's file in `/proc`.
enum ProcAccess: Sendable, Hashable {
  case granted
  /// The process, thread or descriptor has ended, or the kernel has no such file.
  case gone
  /// This user may not read it.
  case denied
  /// The daemon has no descriptor or memory left to read the file. That says nothing about the process.
  case unknown

  /// - Parameter error: `errno` after the failed call.
  init(errno error: Int32) {
    switch error {
    case EACCES, EPERM: self = .denied
    case EMFILE, ENFILE, ENOMEM: self = .unknown
    default: self = .gone
    }
  }
}

/// Reads folders of `/proc`, without sorting, because some have many entries and are read often.
enum ProcFolder {
  /// Returns the names in a folder; none if it cannot be read.
  static func names(_ folder: String) -> [String] { read(folder).names }

  /// Returns the names in a folder, and whether it could be read.
  static func read(_ folder: String) -> (names: [String], access: ProcAccess) {
    guard let entries = opendir(folder) else { return ([], ProcAccess(errno: errno)) }
    defer { closedir(entries) }
    var names: [String] = []
    while let entry = readdir(entries) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return (names, .granted)
  }
}

/// Reads large files of `/proc` line by line.
enum LineReader {
  /// Calls the body for each line until it returns false.
  @discardableResult
  static func forEachLine(_ path: String, _ body: (ArraySlice<UInt8>) -> Bool) -> ProcAccess {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return ProcAccess(errno: errno) }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    // The beginning of the buffer holds the part of a line that was read so far.
    var filled = 0
    while true {
      let count = buffer.withUnsafeMutableBytes {
        read(file, $0.baseAddress?.advanced(by: filled), $0.count - filled)
      }
      guard count >= 0 else { return ProcAccess(errno: errno) }
      guard count > 0 else { return .granted }
      filled += count
      var start = 0
      while let end = buffer[start..<filled].firstIndex(of: UInt8(ascii: "\n")) {
        guard body(buffer[start..<end]) else { return .granted }
        start = end + 1
      }
      // A line longer than the buffer is no line of these files.
      if start == 0, filled == buffer.count { return .granted }
      buffer.replaceSubrange(0..<(filled - start), with: Array(buffer[start..<filled]))
      filled -= start
    }
  }
}

/// A file, identified by its device and inode.
struct FileID: Hashable {
  let device: UInt64
  private let inode: UInt64

  init(_ info: stat) {
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
  }

  init?(_ path: String) {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    self.init(info)
  }
}
