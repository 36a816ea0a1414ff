import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("Disk use of folders")
struct DiskUseTests {
  private func use(_ folder: String, depth: Int = 128) -> DiskUse {
    var use = DiskUse(limit: 1 << 30, depth: depth)
    use.add(folder)
    return use
  }

  @Test("counts every entry of wide and deep folders once")
  func everyEntry() throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    // More folders in a folder than are read at a time, and folders beside each level of a deep path.
    for index in 0..<1_300 { #expect(mkdir("\(folder)/\(index)", 0o700) == 0) }
    var path = folder
    for level in 0..<20 {
      path += "/deep\(level)"
      for name in [path, "\(path)/a", "\(path)/b"] { #expect(mkdir(name, 0o700) == 0) }
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path)/b/file"))
    }
    let counted = use(folder)
    #expect(counted.bytes == (1_300 + 20 * 4) * DiskUse.entry)
    #expect(!counted.isTooDeep && !counted.isIncomplete)
    #expect(use(folder, depth: 22).isTooDeep == false)
    #expect(use(folder, depth: 21).isTooDeep)
  }

  @Test(
    "counts the content of folders that a script made unsearchable or unreadable",
    arguments: [0o400, 0o200, 0o100, 0])
  func closedFolders(mode: mode_t) throws {
    let top = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(top) }
    let user: UInt32 = 65_534
    let folders = ["pod", "pod/closed", "pod/closed/a", "pod/closed/a/b", "pod/closed/a/empty"].map {
      "\(top)/\($0)"
    }
    for folder in folders { #expect(mkdir(folder, 0o700) == 0) }
    for folder in folders[1...3] { try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/file")) }
    chmod(top, 0o755)
    if geteuid() == 0 { for folder in folders { #expect(chown(folder, user, user) == 0) } }
    for folder in folders.dropFirst().reversed() { #expect(chmod(folder, mode) == 0) }
    let counted = try Machine.withFileAccess(of: user) { use("\(top)/pod") }
    #expect(counted.bytes == 7 * DiskUse.entry)
    #expect(!counted.isIncomplete)
  }

  @Test("opens a closed folder, and changes nothing where a script put a link in its place")
  func replacedFolder() throws {
    let top = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(top) }
    let (pod, outside) = ("\(top)/pod", "\(top)/outside")
    for folder in [pod, outside, "\(pod)/closed"] { #expect(mkdir(folder, 0o750) == 0) }
    #expect(chmod("\(pod)/closed", 0) == 0 && symlink(outside, "\(pod)/link") == 0)
    let folder = open(pod, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(folder) }

    let closed = DiskUse.openClosed(Array("closed".utf8CString), in: folder)
    defer { close(closed) }
    #expect(closed >= 0)
    #expect(DiskUse.openClosed(Array("link".utf8CString), in: folder) < 0)
    var info = stat()
    #expect(stat("\(pod)/closed", &info) == 0 && info.st_mode & 0o777 == 0o700)
    #expect(stat(outside, &info) == 0 && info.st_mode & 0o777 == 0o750)
  }

  @Test("is incomplete if a folder cannot be searched, not empty")
  func foreignFolder() throws {
    try #require(geteuid() == 0)
    let top = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(top) }
    chmod(top, 0o755)
    #expect(mkdir("\(top)/closed", 0o700) == 0)
    let counted = try Machine.withFileAccess(of: 65_534) { use(top) }
    #expect(counted.isIncomplete)
  }
}
