import TestSupport
import Testing

@testable import GitStore

@Suite("Limits of history")
struct HistoryLimitTests {
  private static let folder = 100_000
  private static let letters = Array("abcdefghij")

  /// A file, and ten later commits that each replace its folder by another one of 100,000 bytes; the last commit restores
  /// the file.
  ///
  /// - Returns: all commits, oldest first.
  @discardableResult
  private func history(
    of repository: TemporaryRepository, isMalformed: Bool = false
  ) throws -> [String] {
    var commits = [try repository.commit(["f/a": "1", "other": "1"])]
    let tree = try repository.head("HEAD:f")
    for letter in Self.letters {
      let heavy = try repository.heavy(Self.folder, letter: letter, isMalformed: isMalformed)
      commits.append(try repository.commit(folder: "f", heavy))
    }
    commits.append(try repository.commit(folder: "f", tree))
    return commits
  }

  /// Limits within which three of the folders can be read.
  private let threeFolders = TreeLimits(bytes: 4 * Self.folder - 1)

  @Test(
    "a search for a file's versions counts folders by their size, malformed ones too",
    arguments: [true, false])
  func versions(isMalformed: Bool) async throws {
    let work = try TemporaryRepository()
    let commits = try history(of: work, isMalformed: isMalformed)
    let repository = try await GitRepository.open(path: work.path)
    let head = try await repository.resolve("HEAD")
    func search(_ path: String, _ limits: TreeLimits) async throws -> [FileVersion] {
      try await repository.fileHistory(path, from: head, budget: SharedTreeBudget(limits))
    }
    let whole = try await search("f/a", TreeLimits())
    #expect(whole.map(\.commit.hex) == [commits[11], commits[1], commits[0]])
    #expect(whole.map { $0.blob == nil } == [false, true, false] && whole.allSatisfy { !$0.mayBeOlder })
    let cut = try await search("f/a", threeFolders)
    #expect(cut.map(\.commit.hex) == [commits[11]] && cut.allSatisfy { !$0.mayBeOlder })
    // The folders above are read, and the search ends where it reaches the fourth.
    let present = try await search("f/a", TreeLimits(bytes: 1500))
    #expect(present.isEmpty || present.allSatisfy(\.mayBeOlder))
    let other = try await search("other", TreeLimits(bytes: 8 * 1024))
    #expect(other.map(\.mayBeOlder) == [true])
  }

  @Test("searches that share limits count together")
  func shared() async throws {
    let work = try TemporaryRepository()
    try history(of: work)
    let repository = try await GitRepository.open(path: work.path)
    let head = try await repository.resolve("HEAD")
    let budget = SharedTreeBudget(threeFolders)
    #expect(try await repository.fileHistory("f/x", from: head, budget: budget).isEmpty)
    #expect(budget.isSpent)
    #expect(try await repository.fileHistory("other", from: head, budget: budget).isEmpty)
    let error = await #expect(throws: GitError.self) {
      try await repository.entry(at: "other", in: head, budget: budget)
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test("a search for the last changes counts folders by their size, and says where it ended")
  func lastChanges() async throws {
    let work = try TemporaryRepository()
    let commits = try history(of: work)
    let repository = try await GitRepository.open(path: work.path)
    let log = try await repository.firstParentLog(from: nil, to: try await repository.resolve("HEAD"))
    func search(_ limits: TreeLimits) async throws -> LastChanges {
      try await repository.lastChanges(
        by: log.commits, since: nil, try PathSelection(patterns: ["f/a", "other"]),
        budget: SharedTreeBudget(limits))
    }
    let whole = try await search(TreeLimits())
    #expect(whole.end == nil && whole.byPath.mapValues(\.hex) == ["f/a": commits[11], "other": commits[0]])
    let cut = try await search(threeFolders)
    // The first comparison reads one of them, the next one two.
    #expect(cut.byPath.mapValues(\.hex) == ["f/a": commits[11]])
    #expect(cut.end == .limit(log.commits[9].id))
  }

  @Test("a search for the last changes names the commit that cannot be read")
  func unreadable() async throws {
    let work = try TemporaryRepository()
    try history(of: work, isMalformed: true)
    let repository = try await GitRepository.open(path: work.path)
    let log = try await repository.firstParentLog(from: nil, to: try await repository.resolve("HEAD"))
    let found = try await repository.lastChanges(
      by: log.commits, since: nil, try PathSelection(patterns: ["f/*"]), budget: SharedTreeBudget())
    #expect(found.byPath.isEmpty && found.end == .unreadable(log.commits[11].id))
  }

  @Test(
    "a walk through the versions of many files counts malformed folders by their size",
    arguments: [true, false])
  func histories(isMalformed: Bool) async throws {
    let work = try TemporaryRepository()
    try history(of: work, isMalformed: isMalformed)
    let repository = try await GitRepository.open(path: work.path)
    let head = try await repository.resolve("HEAD")
    let selection = try PathSelection(patterns: ["f/a"])
    var whole = try repository.reader.histories(from: head, selection, limits: TreeLimits())
    var count = 0
    while try repository.reader.version(count, of: "f/a", in: &whole) != nil { count += 1 }
    #expect(count == (isMalformed ? 0 : 2) && !whole.isCut)
    var cut = try repository.reader.histories(from: head, selection, limits: threeFolders)
    #expect(try repository.reader.version(1, of: "f/a", in: &cut) == nil)
    #expect(cut.isCut)
  }

  @Test("a folder that is used many times counts each time that it is read")
  func repeated() async throws {
    let work = try TemporaryRepository()
    try work.commit(["other": "1"])
    let heavy = try work.heavy(Self.folder)
    let folder = try work.git("mktree", input: (0..<4).map { "040000 tree \(heavy)\t\($0)\n" }.joined())
    let bad = try #require(ObjectID(hex: try work.commit(folder: "f", folder)))
    let repository = try await GitRepository.open(path: work.path)
    #expect(try await repository.tree(at: bad).count == 5)
    let selection = try PathSelection(patterns: ["f/**"])
    let errors = [
      await #expect(throws: GitError.self) {
        try await repository.tree(at: bad, selection, limits: threeFolders)
      },
      await #expect(throws: GitError.self) {
        try await repository.diff(base: nil, head: bad, selection, limits: threeFolders)
      },
      await #expect(throws: GitError.self) {
        try await repository.folder("f", at: bad, limits: threeFolders)
      },
    ]
    #expect(errors.allSatisfy { $0?.kind == .tooLarge && $0?.path?.hasPrefix("f") == true })
  }

  @Test("the log of first parents has a limit of bytes, because all of it is in memory")
  func log() async throws {
    let work = try TemporaryRepository()
    for number in 0..<4 { try work.commit(["a": "\(number)"], String(repeating: "m", count: 10_000)) }
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    let head = try handle.resolve("HEAD")
    #expect(try handle.firstParentLog(from: nil, to: head, limit: 10).reachedBase)
    let cut = try handle.firstParentLog(from: nil, to: head, limit: 10, bytes: 25_000)
    #expect(cut.commits.count == 2 && !cut.reachedBase && cut.commits.last?.id == head)
  }

  @Test("notes in very large folders are not searched")
  func notes() async throws {
    let work = try TemporaryRepository()
    let head = try #require(ObjectID(hex: try work.commit(["a": "1"])))
    try work.git("notes", "--ref=kdops", "add", "-m", "x")
    let repository = try await GitRepository.open(path: work.path)
    #expect(try await repository.note(on: head, ref: "refs/notes/kdops") != nil)
    let spent = SharedTreeBudget(TreeLimits(bytes: 1024))
    await #expect(throws: GitError.self) {
      try await repository.note(on: head, ref: "refs/notes/kdops", budget: spent)
    }
    let heavy = try work.heavy(9 << 20)
    let commit = try work.git("commit-tree", heavy, "-m", "Notes")
    try work.git("update-ref", "refs/notes/kdops", commit)
    let error = await #expect(throws: GitError.self) {
      try await repository.note(on: head, ref: "refs/notes/kdops")
    }
    #expect(error?.kind == .tooLarge)
  }
}
