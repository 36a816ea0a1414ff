import Foundation
import Glibc

/// Writes programs that tests run.
public enum ProgramFile {
  /// Writes a program and replaces an existing file.
  ///
  /// The file is opened with `O_CLOEXEC`, unlike in `Data.write`, so that a process that another test starts
  /// at the same time does not inherit the open file. The kernel refuses to run a file that is open for
  /// writing ("Text file busy").
  public static func write(_ text: String, to path: String, mode: mode_t = 0o755) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    defer { try? file.close() }
    try file.write(contentsOf: Data(text.utf8))
  }
}
