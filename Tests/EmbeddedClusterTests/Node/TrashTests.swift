import Dispatch
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import EmbeddedCluster

@Suite("Removal of deleted folders")
struct TrashTests {
  @Test("happens in the background, one folder after the other")
  func removal() async {
    let rounds = Mutex(0)
    let isRemoving = Completion<Void>()
    let mayEnd = DispatchSemaphore(value: 0)
    let trash = TrashRemover {
      let round = rounds.withLock { count in
        count += 1
        return count
      }
      if round == 1 {
        isRemoving.complete(())
        mayEnd.wait()
      }
    }
    await trash.wake()
    try? await isRemoving.wait()
    await trash.wake()
    await trash.wake()
    #expect(rounds.withLock { $0 } == 1)
    mayEnd.signal()
    await trash.settle()
    #expect(rounds.withLock { $0 } == 2)
  }

  @Test("handles folders without permissions, deep nesting and symbolic links, without following a link")
  func contents() throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    let (trash, outside) = ("\(folder)/trash", "\(folder)/outside")
    for path in [trash, outside, "\(trash)/a", "\(trash)/a/shut"] { #expect(mkdir(path, 0o755) == 0) }
    try Data("kept".utf8).write(to: URL(fileURLWithPath: "\(outside)/file"))
    try Data("gone".utf8).write(to: URL(fileURLWithPath: "\(trash)/a/shut/file"))
    symlink(outside, "\(trash)/link")
    symlink(outside, "\(trash)/a/shut/link")
    #expect(chmod("\(trash)/a/shut", 0) == 0)
    var deep = try OpenFolder("\(trash)/a")
    for _ in 0..<3_000 { deep = try deep.make(["d"], owner: nil) }
    try deep.write([1], to: "file", mode: 0o600)
    #expect(try OpenFolder(trash).removeContents())
    #expect(try SafeFolder.names(in: trash).isEmpty)
    #expect(FileText.read("\(outside)/file") == "kept")
  }
}
