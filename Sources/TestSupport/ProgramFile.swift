import Foundation
import Glibc

/// Files that tests run.
public enum ProgramFile {
  /// Writes a program, in place of what was there.
  ///
  /// No process that another test starts meanwhile inherits the open file, as it would from `Data.write`: a kernel
  /// refuses to run what anybody can still write to ("Text file busy").
  public static func write(_ text: String, to path: String, mode: mode_t = 0o755) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    defer { try? file.close() }
    try file.write(contentsOf: Data(text.utf8))
  }
}
