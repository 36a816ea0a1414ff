import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("Objects that would exhaust the reader", .timeLimit(.minutes(5)))
struct HostileObjectTests {
  @Test("a blob above the limit is not loaded, and its size is known", arguments: [false, true])
  func largeBlob(isPacked: Bool) async throws {
    let work = try TemporaryRepository()
    try work.commit(["large": String(repeating: "0", count: 3 << 20), "small": "x"])
    if isPacked { try work.git("gc", "--quiet") }
    let repository = try await GitRepository.open(path: work.path)
    let entries = try await repository.tree(at: try await repository.resolve("HEAD"))
    let error = await #expect(throws: GitError.self) {
      try await repository.blob(entries[0].id, limit: 1 << 20)
    }
    #expect(error?.kind == .tooLarge && error?.message.contains("\(3 << 20) bytes") == true)
    #expect(throws: GitError.self) { try repository.reader.blob(entries[0].id, limit: 1 << 20) }
    let read = try await repository.readBlobs(entries.map(\.id), limit: 1 << 20) { _, content in
      switch content {
      case .bytes(let bytes): bytes.count
      case .tooLarge(let size): -size
      case .baseTooLarge: 0
      }
    }
    #expect(read == [-(3 << 20), 1])
  }

  @Test("a small file stored as a delta of a large one is read, unless that one is huge")
  func largeBase() async throws {
    let work = try TemporaryRepository(bare: true)
    let ids = try [30, 34].map { try work.delta(againstZeros: $0 << 20, content: "small \($0)").small }
      .map { try #require(ObjectID(hex: $0)) }
    let repository = try await GitRepository.open(path: work.path)
    #expect(try await repository.blob(ids[0], limit: 100) == Array("small 30".utf8))
    #expect(try repository.reader.size(ofBlob: ids[1]) == 8)
    let error = await #expect(throws: GitError.self) { try await repository.blob(ids[1], limit: 100) }
    #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)
    let read = try await repository.readBlobs(ids, limit: 100) { _, content in
      if case .baseTooLarge = content { false } else { true }
    }
    #expect(read == [true, false])
  }

  @Test("one blob under many names counts each time")
  func manyTimes() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": String(repeating: "0", count: 1000)])
    let repository = try await GitRepository.open(path: work.path)
    let id = try await repository.tree(at: try await repository.resolve("HEAD"))[0].id
    let ids = Array(repeating: id, count: 1000)
    #expect(try await repository.readBlobs(ids, limit: 1000, total: 1_000_000) { _, _ in 1 }.count == 1000)
    let error = await #expect(throws: GitError.self) {
      try await repository.readBlobs(ids, limit: 1000, total: 999_999) { _, _ in 1 }
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test("folders that expand to ten thousand million files are refused early, with the path")
  func treeBomb() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    let head = try work.commit(folder: "clusters", try work.bomb())
    let repository = try await GitRepository.open(path: work.path)
    let commit = try #require(ObjectID(hex: head))
    let selection = try PathSelection(patterns: ["clusters/**"])
    let listed = await #expect(throws: GitError.self) { try await repository.tree(at: commit, selection) }
    #expect(listed?.kind == .tooLarge && listed?.path?.hasPrefix("clusters/0/0") == true)
    let compared = await #expect(throws: GitError.self) {
      try await repository.diff(
        base: try await repository.resolve("HEAD~1"), head: commit, selection)
    }
    #expect(compared?.kind == .tooLarge && compared?.path?.hasPrefix("clusters/0/0") == true)
    let staged = await #expect(throws: GitError.self) {
      try await repository.stagedChanges(since: commit, selection)
    }
    #expect(staged?.kind == .tooLarge)
  }

  @Test("many folders are compared one by one")
  func manyFolders() async throws {
    let work = try TemporaryRepository()
    let blob = try work.git("hash-object", "-w", "--stdin", input: "x")
    let one = try work.git("mktree", input: "100644 blob \(blob)\tx.yaml\n")
    let many = try work.git("mktree", input: (10_000..<30_000).map { "040000 tree \(one)\t\($0)\n" }.joined())
    try work.commit(["a": "1"])
    let head = try #require(ObjectID(hex: try work.commit(folder: "clusters", many)))
    let repository = try await GitRepository.open(path: work.path)
    let base = try await repository.resolve("HEAD~1")
    let changes = try await repository.diff(base: base, head: head)
    #expect(changes.count == 20_000 && changes.last?.path == "clusters/29999/x.yaml")
  }

  @Test("the number of names in folders is limited, whether they are selected or not")
  func names() async throws {
    let work = try TemporaryRepository()
    let head = try work.commit(Dictionary(uniqueKeysWithValues: (0..<50).map { ("f/\($0)", "x") }))
    let repository = try await GitRepository.open(path: work.path)
    let commit = try #require(ObjectID(hex: head))
    let error = await #expect(throws: GitError.self) {
      try await repository.tree(
        at: commit, try PathSelection(patterns: ["f/7"]), limits: TreeLimits(names: 40))
    }
    #expect(error?.kind == .tooLarge && error?.path == "f")
  }

  @Test("a name that no file system allows is hostile, and is shortened in messages")
  func longName() async throws {
    let work = try TemporaryRepository(bare: true)
    let blob = try work.git("hash-object", "-w", "--stdin", input: "x")
    let name = String(repeating: "n", count: 100_000)
    let tree = try work.git("mktree", input: "100644 blob \(blob)\t\(name)\n")
    let commit = try #require(ObjectID(hex: try work.git("commit-tree", tree, "-m", "long")))
    let entries = try await GitRepository.open(path: work.path).tree(at: commit)
    #expect(entries.map(\.kind) == [.link(.hostilePath)] && entries[0].path.utf8.count == 255)
  }

  @Test("a tree with a duplicate name is refused with its folder")
  func twofold() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    let head = try #require(ObjectID(hex: try work.commit(folder: "clusters", try work.twofold())))
    let repository = try await GitRepository.open(path: work.path)
    let error = await #expect(throws: GitError.self) { try await repository.tree(at: head) }
    #expect(error?.kind == .malformed && error?.path == "clusters")
  }

  @Test("a commit is read whatever its author line contains, and one that is too large is refused unread")
  func commits() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    let tree = try work.head("HEAD^{tree}")
    let repository = try await GitRepository.open(path: work.path)
    let nobody = try work.literal("commit", Array("tree \(tree)\n\nNobody made it\n".utf8))
    let info = try await repository.commitInfo(try #require(ObjectID(hex: nobody)))
    #expect(info.author.name.isEmpty && info.author.seconds == 0 && info.subject == "Nobody made it")
    let odd = try work.literal(
      "commit", Array("tree \(tree)\nauthor A <a> B <b@c>  12 -0130\n\nx\n".utf8))
    let author = try await repository.commitInfo(try #require(ObjectID(hex: odd))).author
    #expect(author == Signature(name: "A <a> B", email: "b@c", seconds: 12, offsetMinutes: -90))
    let message = String(repeating: "0", count: 5 << 20)
    let large = try work.literal("commit", Array("tree \(tree)\n\n\(message)".utf8))
    let error = await #expect(throws: GitError.self) {
      try await repository.commitInfo(try #require(ObjectID(hex: large)))
    }
    #expect(error?.kind == .tooLarge)
  }
}
