import Glibc

/// A file that is read in small ranges without loading all of it. Reads always refer to the file that was opened,
/// even if another process replaces the file at the path.
final class FactFile: Sendable {
  let size: Int
  private let descriptor: Int32

  /// Returns nil if the path cannot be opened or is not a regular file.
  init?(path: String) {
    let descriptor = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    size = Int(information.st_size)
  }

  deinit { close(descriptor) }

  /// Reads a range of bytes; returns nil if the file is too short or cannot be read.
  func bytes(_ range: Range<Int>) -> [UInt8]? {
    guard range.lowerBound >= 0, range.upperBound <= size else { return nil }
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while isWhole, count < range.count {
        let start = buffer.baseAddress.map { $0 + count }
        let got = pread(descriptor, start, range.count - count, off_t(range.lowerBound + count))
        if got > 0 { count += got } else if got == 0 || errno != EINTR { isWhole = false }
      }
    }
    return isWhole ? bytes : nil
  }
}

/// Identifies the running executable.
enum ThisProgram {
  /// The device, inode, size and times of the executable's file. Rules, schemas and readers are compiled in,
  /// so another version of any of them is another file, or a file with other times.
  static var identity: String {
    var file = stat()
    guard stat("/proc/self/exe", &file) == 0 else { return "\(getpid())" }
    let times = [file.st_mtim, file.st_ctim].map { "\($0.tv_sec).\($0.tv_nsec)" }
    return (["\(file.st_dev)", "\(file.st_ino)", "\(file.st_size)"] + times).joined(separator: " ")
  }
}
