import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("Refs and history with hostile content", .timeLimit(.minutes(5)))
struct HostileRefTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let work: TemporaryRepository
  private let refs = ["refs/notes/kdops", "refs/kdops/status"]
  private let author = Signature(name: "kdops", email: "k@example.invalid", seconds: 1)
  private var path: String { folder.path + "/mirror.git" }

  init() throws {
    folder = try TemporaryFolder()
    (bare, work) = try TemporaryRepository.pushed()
  }

  /// The mirror in the folder. A process that another test starts holds its lock until it executes its
  /// program, so that the folder may seem to be in use for a moment.
  private func mirror() async throws -> Mirror {
    while true {
      let mirror = try await Mirror.open(Remote(GitURL(bare.path)), at: path, refs: refs)
      if mirror.path == path { return mirror }
      await Task.yield()
    }
  }

  /// The kinds of objects that a status ref may point to.
  enum InvalidContent: String, CaseIterable {
    case blob, tree, noCommitter, malformedTree, parentWithoutCommitter
  }

  private func make(_ rubbish: InvalidContent) throws -> String {
    let tree = try work.head("HEAD^{tree}")
    let broken = try bare.literal("commit", Array("tree \(tree)\n\nx\n".utf8))
    switch rubbish {
    case .blob: return try bare.git("hash-object", "-w", "--stdin", input: "x")
    case .tree: return tree
    case .noCommitter: return broken
    case .malformedTree: return try bare.git("commit-tree", try bare.literal("tree", [1, 2, 3]), "-m", "x")
    case .parentWithoutCommitter: return try bare.git("commit-tree", tree, "-p", broken, "-m", "x")
    }
  }

  private func name(_ ref: String, _ id: String) throws {
    try Data("\(id)\n".utf8).write(to: URL(fileURLWithPath: bare.path + "/" + ref))
  }

  @Test(
    "a status ref to any object blocks neither the branch nor the notes", arguments: InvalidContent.allCases)
  func statusRef(rubbish: InvalidContent) async throws {
    let mirror = try await mirror()
    #expect(try await mirror.fetch("main").problems.isEmpty)
    try FileManager.default.createDirectory(
      atPath: bare.path + "/refs/kdops", withIntermediateDirectories: true)
    try name("refs/kdops/status", try make(rubbish))
    let head = try work.commit(["a": "2"])
    try work.push()
    let result = try await mirror.fetch("main")
    #expect(result.new.hex == head)
    // Only the writer notices a malformed tree, because only it reads the tree.
    if rubbish != .malformedTree {
      #expect(result.problems.map(\.ref) == ["refs/kdops/status"])
      #expect(result.problems.first?.error.message.contains("cannot be used") == true)
      #expect(try await mirror.known("refs/kdops/status") == nil)
    }
    let updates = [
      try RefUpdate(ref: refs[0], .notes([result.new: Array("note".utf8)]), message: "Note"),
      try RefUpdate(ref: refs[1], .files(["prod/a.yaml": Array("a".utf8)]), message: "Status"),
    ]
    await #expect(throws: GitError.self) {
      try await mirror.publish(updates, author: author, retry: RetryPolicy(sleep: { _ in }))
    }
    #expect(try bare.git("notes", "--ref=kdops", "show", head) == "note")
    try bare.git("update-ref", "--no-deref", "-d", "refs/kdops/status")
    #expect(try await mirror.fetch("main").problems.isEmpty)
    _ = try await mirror.publish(updates, author: author, retry: RetryPolicy(sleep: { _ in }))
    #expect(try bare.git("show", "refs/kdops/status:prod/a.yaml") == "a")
  }

  @Test("a malformed ref file blocks nothing")
  func rubbishFile() async throws {
    let mirror = try await mirror()
    try FileManager.default.createDirectory(
      atPath: bare.path + "/refs/kdops", withIntermediateDirectories: true)
    try name("refs/kdops/status", "rubbish")
    #expect(try await mirror.fetch("main").new.hex == work.head())
  }

  @Test("an unreadable status ref in the mirror invalidates only that ref")
  func ownCopy() async throws {
    let head = try await mirror().fetch("main").new
    let tree = try work.head("HEAD^{tree}")
    let own = try TemporaryRepository.run(
      ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"], in: path,
      input: "tree \(tree)\n\nx\n")
    let tracking = path + "/" + Mirror.trackingRef("refs/kdops/status")
    try FileManager.default.createDirectory(
      atPath: String(tracking.dropLast("/status".count)), withIntermediateDirectories: true)
    for content in [own, try work.head("HEAD:a"), "rubbish"] {
      try Data("\(content)\n".utf8).write(to: URL(fileURLWithPath: tracking))
      let again = try await mirror()
      #expect(try await again.known("refs/heads/main") == head)
      #expect(try await again.fetch("main").unchanged)
    }
    #expect(!FileManager.default.fileExists(atPath: path + ".corrupt-1"))
  }

  @Test("a thousand nested folders are fetched, and the mirror is intact once a commit has removed them")
  func nested() async throws {
    let mirror = try await mirror()
    let old = try await mirror.fetch("main").new
    let deep = try work.commit(folder: "clusters", try work.nested(1_100))
    try work.push()
    #expect(try await mirror.fetch("main").new.hex == deep)
    let entries = try await mirror.repository.tree(at: try #require(ObjectID(hex: deep)))
    #expect(entries.map(\.kind) == [.file(executable: false), .link(.tooDeep)])
    let reverted = try work.git("commit-tree", "\(old.hex)^{tree}", "-p", "HEAD", "-m", "Revert")
    try work.git("update-ref", "HEAD", reverted)
    try work.push()
    #expect(try await mirror.fetch("main").new.hex == reverted)
    #expect(try await !mirror.repair())
  }

  @Test("a malformed folder is fetched unchanged, so that a later commit can remove it")
  func malformed() async throws {
    let mirror = try await mirror()
    let old = try await mirror.fetch("main").new
    let bad = try work.commit(folder: "clusters", try work.twofold())
    try work.push()
    #expect(try await mirror.fetch("main").new.hex == bad)
    let reverted = try work.git("commit-tree", "\(old.hex)^{tree}", "-p", "HEAD", "-m", "Revert")
    try work.git("update-ref", "HEAD", reverted)
    try work.push()
    let head = try await mirror.fetch("main").new
    #expect(head.hex == reverted)
    #expect(try await mirror.repository.tree(at: head).map(\.path) == ["a"])
    let versions = try await mirror.repository.fileHistory("a", from: head)
    #expect(versions.map(\.commit) == [old])
    #expect(try await !mirror.repair())
  }

  @Test("a commit that libgit2 cannot traverse leaves the branch unchanged")
  func unwalkable() async throws {
    let mirror = try await mirror()
    let old = try await mirror.fetch("main").new
    let tree = try work.head("HEAD^{tree}")
    let bad = try bare.literal("commit", Array("tree \(tree)\nparent \(old)\n\nx\n".utf8))
    try name("refs/heads/main", bad)
    let error = await #expect(throws: GitError.self) { try await mirror.fetch("main") }
    #expect(error?.kind == .malformed)
    #expect(try await mirror.known("refs/heads/main") == old)
    #expect(!FileManager.default.fileExists(atPath: path + ".corrupt-1"))
    try name("refs/heads/main", old.hex)
    #expect(try await mirror.fetch("main").unchanged)
  }

  @Test("large files are fetched in pieces, unchanged", arguments: [false, true])
  func large(isPacked: Bool) async throws {
    let text = (0..<400_000).map { "\($0)\n" }.joined()
    let many = Dictionary(uniqueKeysWithValues: (0..<250).map { ("f/\($0)", "\($0)") })
    try work.commit(many.merging(["large": text]) { $1 })
    try work.push()
    if isPacked { try bare.git("gc", "--quiet") }
    let mirror = try await mirror()
    let head = try await mirror.fetch("main").new
    let entry = try #require(try await mirror.repository.entry(at: "large", in: head))
    #expect(try await mirror.repository.blob(entry.id, limit: 8 << 20) == Array(text.utf8))
    try TemporaryRepository.run(["git", "fsck", "--full"], in: path)
  }
}
