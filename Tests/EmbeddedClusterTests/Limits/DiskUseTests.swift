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
}
