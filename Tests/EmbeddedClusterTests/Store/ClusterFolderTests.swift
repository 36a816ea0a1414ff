import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

@Suite("Permissions of an embedded cluster's folder")
struct ClusterFolderTests {
  /// A folder in a temporary one, which is removed when the body ends.
  private func withFolder(_ mode: mode_t?, _ body: (String) async throws -> Void) async throws {
    let parent = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(parent) }
    let folder = "\(parent)/cluster"
    if let mode {
      #expect(mkdir(folder, 0o700) == 0)
      #expect(chmod(folder, mode) == 0)
    }
    try await body(folder)
  }

  private func open(_ folder: String) async throws {
    try await ClusterFixture.reopened(folder, runs: false) { _ in }
  }

  private func mode(_ path: String) -> String {
    var info = stat()
    return lstat(path, &info) == 0 ? String(info.st_mode & 0o7777, radix: 8) : "none"
  }

  private func refusal(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return ""
    } catch { return "\(error)" }
  }

  @Test("restrict a new folder and all SQLite files in it to the owner")
  func new() async throws {
    try await withFolder(nil) { folder in
      try await ClusterFixture.reopened(folder, runs: false) { _ in
        #expect(mode(folder) == "700")
        for file in ["cluster.sqlite", "cluster.sqlite-wal", "cluster.sqlite-shm", "lock"] {
          #expect(mode("\(folder)/\(file)") == "600", "\(file)")
        }
      }
    }
  }

  @Test("are tightened if others can read the folder, whichever command opens it")
  func repaired() async throws {
    try await withFolder(nil) { folder in
      try await open(folder)
      for reads in [false, true] {
        chmod(folder, 0o755)
        chmod("\(folder)/cluster.sqlite", 0o644)
        if reads {
          _ = try EmbeddedCluster.openReadOnly(folder)
        } else {
          #expect(try ClusterFolder(path: folder).prepare(), "others could read it until now")
        }
        #expect(mode(folder) == "700")
        #expect(mode("\(folder)/cluster.sqlite") == "600")
      }
      #expect(try !ClusterFolder(path: folder).prepare())
      chmod(folder, 0o755)
      try EmbeddedCluster.check(folder)
      #expect(mode(folder) == "700")
    }
  }

  @Test(
    "are refused with a remedy if others can write to the folder, whichever command opens it",
    arguments: [
      mode_t(0o775), 0o707, 0o777,
    ])
  func writable(_ bits: mode_t) async throws {
    try await withFolder(nil) { folder in
      try await open(folder)
      chmod(folder, bits)
      for text in [
        await refusal { try await open(folder) },
        await refusal { _ = try EmbeddedCluster.openReadOnly(folder) },
        await refusal { try EmbeddedCluster.check(folder) },
      ] {
        #expect(text.contains("Others may write to \(folder)"), "\(text)")
        #expect(text.contains("chmod 700 \(folder)"), "\(text)")
      }
      #expect(mode(folder) == String(bits, radix: 8), "nothing is repaired that may belong to another user")
    }
  }

  @Test("are refused with a remedy if others can replace the folder, whichever command opens it")
  func replaceable() async throws {
    try await withFolder(nil) { folder in
      let parent = String(folder.dropLast("/cluster".count))
      try await open(folder)
      for (mode, isRefused) in [(mode_t(0o777), true), (0o1777, false), (0o707, true), (0o755, false)] {
        chmod(parent, mode)
        for text in [
          await refusal { try await open(folder) },
          await refusal { _ = try EmbeddedCluster.openReadOnly(folder) },
          await refusal { try EmbeddedCluster.check(folder) },
        ] {
          #expect(text.contains("Others may write to \(parent)") == isRefused, "\(text)")
          #expect(text.contains("chmod +t \(parent)") == isRefused, "\(text)")
        }
      }
    }
  }

  @Test("prevent the creation of a folder where others could replace it")
  func newReplaceable() async throws {
    try await withFolder(0o777) { parent in
      let text = await refusal { try await open("\(parent)/inner/cluster") }
      #expect(text.contains("Others may write to \(parent)"), "\(text)")
      #expect(SafeFolder.kind("\(parent)/inner") == nil)
    }
  }

  @Test("are refused for a symbolic link if others could replace the folder behind it")
  func behindLink() async throws {
    try await withFolder(0o777) { open in
      let parent = String(open.dropLast("/cluster".count))
      #expect(mkdir("\(open)/cluster", 0o700) == 0)
      symlink("cluster/cluster", "\(parent)/link")
      let text = await refusal { try await self.open("\(parent)/link") }
      #expect(text.contains("Others may write to \(open)"), "\(text)")
    }
  }

  @Test(
    "are refused for a folder inside a folder of another user",
    .enabled(if: geteuid() == 0, "only root may give it away"))
  func foreignParent() async throws {
    try await withFolder(0o755) { parent in
      #expect(chown(parent, 4711, 4711) == 0)
      let text = await refusal { try await open("\(parent)/cluster") }
      #expect(text.contains("\(parent) belongs to user 4711"), "\(text)")
    }
  }

  @Test("are accepted for an empty folder that others can write to")
  func empty() async throws {
    try await withFolder(0o777) { folder in
      try await open(folder)
      #expect(mode(folder) == "700")
    }
  }

  @Test(
    "are not changed for a folder with other content, whichever command names it",
    arguments: [mode_t(0o755), 0o1777])
  func otherThings(_ bits: mode_t) async throws {
    try await withFolder(bits) { folder in
      try Data().write(to: URL(fileURLWithPath: "\(folder)/file"))
      let text = await refusal { try await open(folder) }
      #expect(
        text.contains("other files than an embedded cluster") && text.contains("\(folder)/cluster"),
        "\(text)")
      let reading = await refusal { _ = try EmbeddedCluster.openReadOnly(folder) }
      #expect(reading.contains("There is no embedded cluster in"), "\(reading)")
      #expect(mode(folder) == String(bits, radix: 8))
      #expect(try SafeFolder.names(in: folder) == ["file"])
    }
  }

  @Test("are refused for a database that others can write to, or that is a symbolic link")
  func database() async throws {
    try await withFolder(nil) { folder in
      try await open(folder)
      let file = "\(folder)/cluster.sqlite"
      chmod(file, 0o666)
      let writable = await refusal { try await open(folder) }
      #expect(writable.contains("chmod 600 \(file)"), "\(writable)")
      chmod(file, 0o600)
      #expect(rename(file, folder + ".moved") == 0)
      symlink(folder + ".moved", file)
      let link = await refusal { try await open(folder) }
      #expect(link.contains("\(file) is not a file of user"), "\(link)")
    }
  }

  @Test(
    "are refused for a database of another user, also as root",
    .enabled(if: geteuid() == 0, "only root may give it away")
  )
  func foreign() async throws {
    try await withFolder(0o700) { folder in
      #expect(chown(folder, 4711, 4711) == 0)
      let text = await refusal { try await open(folder) }
      #expect(text.contains("belongs to user 4711") && text.contains("chown -R 0 \(folder)"), "\(text)")
    }
  }
}
