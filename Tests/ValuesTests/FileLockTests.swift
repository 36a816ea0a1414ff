import Foundation
import TestSupport
import Testing
import Values

@Suite("A lock on a file")
struct FileLockTests {
  @Test("is released even if a child process that is starting has a copy of its descriptor")
  func inherited() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/lock"
    var lock = try FileLock(path: path)
    #expect(lock != nil)
    #expect(try FileLock(path: path) == nil)
    // A forked child shares the lock in the same way until it executes its program.
    let copy = dup(try #require(try Self.descriptor(of: path)))
    defer { close(copy) }
    lock = nil
    #expect(try FileLock(path: path) != nil)
  }

  @Test("names the file that cannot be opened")
  func unopened() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/missing/lock"
    let error = #expect(throws: FileLock.Failure.self) { _ = try FileLock(path: path) }
    #expect(error?.description == "\(path) cannot be opened: No such file or directory")
  }

  /// The descriptor of this process for an open file; nil if the file is not open.
  private static func descriptor(of path: String) throws -> Int32? {
    let files = FileManager.default
    return try files.contentsOfDirectory(atPath: "/proc/self/fd").first { name in
      (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)) == path
    }.flatMap { Int32($0) }
  }
}
