import Foundation
import GitStore
import TestSupport
import Testing

@Suite("Mirrors of a remote on this machine")
struct MirrorTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path + "/mirror.git" }

  init() throws { folder = try TemporaryFolder() }

  private func mirror(_ remote: String, refs: [String] = []) async throws -> Mirror {
    try await Mirror.open(Remote(try GitURL(remote)), at: path, refs: refs)
  }

  @Test("the head of a branch is read without fetching it; a missing branch is named with the others")
  func remoteHead() async throws {
    let work = try TemporaryRepository()
    let head = try work.commit(["a": "b"])
    let mirror = try await mirror(work.path)
    #expect(try await mirror.remoteHead(of: "main").hex == head)
    #expect(try await mirror.known("refs/heads/main") == nil)
    let error = await #expect(throws: GitError.self) { _ = try await mirror.remoteHead(of: "release") }
    #expect(error?.kind == .missingBranch)
    #expect(error?.hint == "it has main")
  }

  @Test("large files in packs are copied as they are stored, into one pack", arguments: [2, 300])
  func largePacked(small: Int) async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    var generator = SeededRandom(seed: 7)
    func random(_ count: Int) -> String {
      String(
        decoding: (0..<count).map { _ in UInt8.random(in: 0x20..<0x7f, using: &generator) }, as: UTF8.self)
    }
    let files = Dictionary(uniqueKeysWithValues: (0..<small).map { ("f/\($0)", "\($0)") })
    try work.commit(files.merging(["a": random(3 << 20), "b": random(2 << 20)]) { $1 })
    try work.push()
    try bare.git("config", "core.bigFileThreshold", "1m")
    try bare.git("gc", "--quiet", "--prune=now")
    let mirror = try await mirror("file://" + bare.path)
    let head = try await mirror.fetch("main").new
    let packs = try FileManager.default.contentsOfDirectory(atPath: path + "/objects/pack")
    #expect(packs.filter { $0.hasSuffix(".pack") }.count == (small < 200 ? 1 : 2))
    for entry in try await mirror.repository.tree(at: head) {
      let copied = try await mirror.repository.blob(entry.id, limit: 4 << 20)
      #expect(try ObjectID.ofBlob(copied) == entry.id)
    }
    try TemporaryRepository.run(["git", "fsck", "--full", "--strict"], in: path)
    #expect(try await mirror.compact(packs: 0, loose: 0))
    #expect(try await mirror.fetch("main").unchanged)
  }

  @Test("a huge packed file is copied from an alternate of an alternate, with an index of version 1")
  func hugeFileInAlternates() async throws {
    let bare = try TemporaryRepository(bare: true)
    try bare.git("config", "pack.indexVersion", "1")
    let zeros = try bare.compressed(Data(count: 130 << 20)).blob
    let tree = try bare.git("mktree", input: "100644 blob \(zeros)\tzeros\n")
    try bare.git("update-ref", "refs/heads/main", try bare.git("commit-tree", tree, "-m", "Zeros"))
    try bare.git("repack", "--quiet", "-a", "-d", "-F")
    let first = try bare.clone("--shared", "--bare")
    let second = try first.clone("--shared", "--bare")
    let head = try await mirror("file://" + second.path).fetch("main").new
    let copied = try TemporaryRepository.run(["git", "cat-file", "-s", "\(head):zeros"], in: path)
    #expect(copied == "\(130 << 20)")
  }

  @Test("the first fetch gets the branch, the next one only new objects")
  func incremental() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    let first = try work.commit(Dictionary(uniqueKeysWithValues: (0..<300).map { ("f/\($0)", "\($0)") }))
    try work.push()
    let mirror = try await mirror("file://" + bare.path)
    let one = try await mirror.fetch("main")
    #expect(one.old == nil && one.new.hex == first && !one.rewritten && !one.unchanged)
    #expect(try await mirror.repository.tree(at: one.new).count == 300)
    #expect(try await mirror.fetch("main").unchanged)
    let second = try work.commit(["f/7": "seven"])
    try work.push()
    let before = try count()
    let two = try await mirror.fetch("main")
    #expect(two.old == one.new && two.new.hex == second && !two.rewritten)
    // A commit, two folders and a file.
    #expect(try count() - before == 4)
    #expect(try await mirror.repository.diff(base: two.old, head: two.new).map(\.path) == ["f/7"])
    try TemporaryRepository.run(["git", "fsck", "--full", "--strict"], in: path)
  }

  /// The number of objects in the mirror.
  private func count() throws -> Int {
    let lines = try TemporaryRepository.run(["git", "count-objects", "-v"], in: path).split(separator: "\n")
    return lines.compactMap { line in
      let parts = line.split(separator: ":")
      return parts[0] == "count" || parts[0] == "in-pack" ? Int(parts[1].dropFirst()) : nil
    }.reduce(0, +)
  }

  @Test("a repository with a work tree is fetched from without changing it")
  func workTree() async throws {
    let work = try TemporaryRepository()
    let head = try work.commit(["a": "1"])
    try work.write(["a": "not committed"])
    let before = try work.git("status", "--porcelain")
    let result = try await mirror(work.path).fetch("main")
    #expect(result.new.hex == head)
    #expect(try work.git("status", "--porcelain") == before)
    #expect(try work.git("for-each-ref", "--format=%(refname)") == "refs/heads/main")
  }

  @Test("rewritten history is detected, and a fast-forward is not rewritten history")
  func rewritten() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.commit(["a": "2"])
    try work.push()
    let mirror = try await mirror(bare.path)
    let old = try await mirror.fetch("main").new
    try work.git("reset", "-q", "--hard", "HEAD~1")
    let new = try work.commit(["a": "3"])
    try work.push("--force", "main")
    let result = try await mirror.fetch("main")
    #expect(result.rewritten && result.old == old && result.new.hex == new)
    #expect(try await !mirror.fetch("main").rewritten)
    // Resetting to an ancestor rewrites history too.
    try work.git("reset", "-q", "--hard", "HEAD~1")
    try work.push("--force", "main")
    #expect(try await mirror.fetch("main").rewritten)
  }

  @Test("a missing remote and a missing branch are errors, and the next fetch succeeds once they are fixed")
  func missing() async throws {
    let bare = try TemporaryRepository(bare: true)
    let mirror = try await mirror(bare.path)
    let empty = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(empty?.kind == .missingBranch)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.push("main:other")
    let missing = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(missing?.kind == .missingBranch)
    #expect(missing?.hint == "it has other")
    try FileManager.default.moveItem(atPath: bare.path, toPath: bare.path + ".away")
    let gone = await #expect(throws: GitError.self) { try await mirror.fetch("other") }
    #expect(gone?.kind == .gone)
    try FileManager.default.moveItem(atPath: bare.path + ".away", toPath: bare.path)
    #expect(try await mirror.fetch("other").old == nil)
  }

  @Test("a damaged remote is reported as such, and the mirror stays unchanged")
  func corruptRemote() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.push()
    let mirror = try await mirror(bare.path)
    let old = try await mirror.fetch("main").new
    try work.commit(["a": "2"])
    try work.push()
    try damage(bare, try work.head("HEAD:a"))
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .corruptRemote)
    #expect(try await mirror.known("refs/heads/main") == old)
    #expect(!FileManager.default.fileExists(atPath: path + ".corrupt-1"))
    let half = String(try work.head().prefix(2))
    #expect(
      !FileManager.default.fileExists(atPath: path + "/objects/\(half)/" + (try work.head().dropFirst(2))))
  }

  /// Overwrites a loose object with invalid bytes.
  private func damage(_ repository: TemporaryRepository, _ id: String) throws {
    let file = repository.path + "/objects/\(id.prefix(2))/\(id.dropFirst(2))"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    try Data("rubbish".utf8).write(to: URL(fileURLWithPath: file))
  }

  @Test("a mirror without a required folder is detected as damaged when it is opened, and moved aside")
  func corruptMirror() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.push()
    let old = try await mirror(bare.path).fetch("main").new
    let tree = try work.head("HEAD^{tree}")
    try FileManager.default.removeItem(atPath: path + "/objects/\(tree.prefix(2))/\(tree.dropFirst(2))")
    let error = await #expect(throws: GitError.self) {
      try await mirror(bare.path).repository.tree(at: old)
    }
    #expect(error?.kind == .gone)
    #expect(FileManager.default.fileExists(atPath: path + ".corrupt-1"))
  }

  @Test("damage found while the daemon runs is repaired, and history rewritten meanwhile is still detected")
  func repair() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.commit(["a": "2"])
    try work.push()
    let mirror = try await mirror(bare.path)
    let old = try await mirror.fetch("main").new
    let blob = try work.head("HEAD~1:a")
    try FileManager.default.removeItem(atPath: path + "/objects/\(blob.prefix(2))/\(blob.dropFirst(2))")
    #expect(try await mirror.repair())
    #expect(FileManager.default.fileExists(atPath: path + ".corrupt-1"))
    #expect(try await mirror.known("refs/heads/main") == nil)
    let same = try await mirror.fetch("main")
    #expect(same.unchanged && !same.rewritten && same.new == old)
    try Data("rubbish\n".utf8).write(to: URL(fileURLWithPath: path + "/refs/kdops/remote/heads/main"))
    try work.git("commit", "-q", "--amend", "-m", "another")
    try work.push("--force", "main")
    let result = try await mirror.fetch("main")
    #expect(FileManager.default.fileExists(atPath: path + ".corrupt-2"))
    #expect(try result.new.hex == work.head())
    #expect(try await mirror.repository.tree(at: result.new).count == 1)
    #expect(try await !mirror.repair())
  }

  @Test("opening detects a mirror that is no longer a repository")
  func openingDamaged() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    _ = try await mirror(work.path).fetch("main")
    try FileManager.default.removeItem(atPath: path + "/HEAD")
    let again = try await mirror(work.path)
    #expect(FileManager.default.fileExists(atPath: path + ".corrupt-1"))
    #expect(try await again.fetch("main").old == nil)
  }

  @Test("many packs and loose objects become one pack, and no reachable object is lost")
  func compaction() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    let mirror = try await mirror(bare.path, refs: ["refs/notes/kdops"])
    for number in 0..<3 {
      try work.commit(Dictionary(uniqueKeysWithValues: (0..<210).map { ("f\($0)", "\(number) \($0)") }))
      try work.push()
      _ = try await mirror.fetch("main")
    }
    let head = try await mirror.fetch("main").new
    let note = try RefUpdate(ref: "refs/notes/kdops", .notes([head: [1]]), message: "Note")
    let author = Signature(name: "kdops", email: "k@example.invalid", seconds: 1)
    _ = try await mirror.publish([note], author: author)
    #expect(try await !mirror.compact())
    #expect(try await mirror.compact(packs: 2))
    #expect(try await !mirror.compact(packs: 1, loose: 0))
    let counts = try TemporaryRepository.run(["git", "count-objects", "-v"], in: path)
    #expect(counts.contains("count: 0\n") && counts.contains("packs: 1\n"))
    try TemporaryRepository.run(["git", "fsck", "--full", "--strict"], in: path)
    #expect(try await mirror.fetch("main").unchanged)
    #expect(try await mirror.repository.tree(at: head).count == 210)
    #expect(try await mirror.repository.note(on: head, ref: "refs/notes/kdops") == [1])
    #expect(try await mirror.known("refs/heads/main") == head)
    #expect(!FileManager.default.fileExists(atPath: path + ".old"))
  }

  @Test(
    "while another process uses the mirror, a second one is created next to it")
  func inUse() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    try work.commit(["a": "1"])
    try work.push()
    let first = try await mirror(bare.path)
    let head = try await first.fetch("main").new
    do {
      let second = try await mirror(bare.path)
      #expect(second.path == path + "-2")
      #expect(try await second.fetch("main").new == head)
      #expect(try await first.fetch("main").unchanged)
    }
  }

  @Test("a repository of another user is refused, with git's own remedy", .enabled(if: geteuid() == 0))
  func owner() async throws {
    let bare = try TemporaryRepository(bare: true)
    try TemporaryRepository.run(["chown", "-R", "12345", bare.path], in: nil)
    let mirror = try await mirror(bare.path)
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .refused)
    #expect(error?.hint?.contains("safe.directory") == true)
  }

  @Test("a folder that belongs to something else is never moved or written to")
  func foreignFolder() async throws {
    let work = try TemporaryRepository()
    let other = try TemporaryRepository(bare: true)
    let error = await #expect(throws: GitError.self) {
      try await Mirror.open(Remote(try GitURL(work.path)), at: other.path)
    }
    #expect(error?.kind == .invalid)
    #expect(FileManager.default.fileExists(atPath: other.path + "/HEAD"))
  }

  @Test("a folder with the mirror of another remote starts empty")
  func otherRemote() async throws {
    let (one, two) = (try TemporaryRepository(), try TemporaryRepository())
    try one.commit(["a": "1"])
    let head = try two.commit(["b": "1"])
    _ = try await mirror(one.path).fetch("main")
    let result = try await mirror(two.path).fetch("main")
    #expect(result.old == nil && result.new.hex == head && !result.rewritten)
  }

  @Test("a shallow remote cannot be fetched from, and the error says how to fix it")
  func shallow() async throws {
    let origin = try TemporaryRepository()
    for number in 0..<3 { try origin.commit(["a": "\(number)"]) }
    let shallow = folder.path + "/shallow"
    try TemporaryRepository.run(
      ["git", "clone", "-q", "--depth=1", "file://" + origin.path, shallow], in: nil)
    let mirror = try await mirror(shallow)
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .shallow)
  }

  @Test("a cancelled fetch ends as cancelled")
  func cancelled() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    let mirror = try await mirror(work.path)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await mirror.fetch("main")
    }
    let error = await #expect(throws: GitError.self) { try await task.value }
    #expect(error?.kind == .cancelled)
    #expect(try await mirror.fetch("main").old == nil)
  }
}
