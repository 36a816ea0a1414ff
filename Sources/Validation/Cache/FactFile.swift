import Glibc

/// A file of which small parts are read where they lie. What it was opened as it stays, whoever puts another in its place.
final class FactFile: Sendable {
  let size: Int
  private let descriptor: Int32

  /// Nil where it cannot be opened, or is no file.
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

  /// The bytes of a range; nil where the file has not so many, or cannot be read.
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

/// Tells the program that runs apart from every other.
enum ThisProgram {
  /// Names of the executable's file, its size and its times. Rules, schemas and readers are compiled in, so another
  /// version of any of them is another file, or was at least written at another time.
  static var identity: String {
    var file = stat()
    guard stat("/proc/self/exe", &file) == 0 else { return "\(getpid())" }
    let times = [file.st_mtim, file.st_ctim].map { "\($0.tv_sec).\($0.tv_nsec)" }
    return (["\(file.st_dev)", "\(file.st_ino)", "\(file.st_size)"] + times).joined(separator: " ")
  }
}
