import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("The lock on a copy of a repository")
struct FolderLockTests {
  @Test("is released even if a child process that is starting has a copy of its descriptor")
  func inherited() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/mirror.git"
    var lock = try FolderLock(folder: path)
    #expect(lock != nil)
    #expect(try FolderLock(folder: path) == nil)
    // A forked child shares the lock in the same way until it executes its program.
    let copy = dup(try #require(try Self.descriptor(of: path + ".lock")))
    defer { close(copy) }
    lock = nil
    #expect(try FolderLock(folder: path) != nil)
  }

  /// The descriptor of this process for an open file; nil if the file is not open.
  private static func descriptor(of path: String) throws -> Int32? {
    let files = FileManager.default
    return try files.contentsOfDirectory(atPath: "/proc/self/fd").first { name in
      (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)) == path
    }.flatMap { Int32($0) }
  }
}
