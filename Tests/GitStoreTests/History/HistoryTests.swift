import GitStore
import TestSupport
import Testing

@Suite("History")
struct HistoryTests {
  @Test("a commit has its author, time, parents, and its subject on one line")
  func commitInfo() async throws {
    let work = try TemporaryRepository()
    let first = try work.commit(["a": "1"], "Upgrade\nanalytics\n\nbody\n")
    let second = try work.commit(["a": "2"])
    let repository = try await GitRepository.open(path: work.path)
    let one = try await repository.commitInfo(try await repository.resolve(first))
    #expect(one.subject == "Upgrade analytics")
    #expect(one.message == "Upgrade\nanalytics\n\nbody\n")
    #expect(one.parents.isEmpty)
    #expect(one.author.name == "Test" && one.author.email == "test@example.invalid")
    #expect(try "\(one.committer.seconds)" == work.git("log", "-1", "--format=%ct", first))
    #expect(try one.tree.hex == work.head(first + "^{tree}"))
    let two = try await repository.commitInfo(try await repository.resolve(second))
    #expect(two.parents == [one.id])
  }

  @Test("a revision is resolved as git does")
  func revisions() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    try work.commit(["a": "2"])
    try work.git("tag", "-a", "v1", "-m", "tagged")
    let repository = try await GitRepository.open(path: work.path)
    for revision in ["HEAD", "main", "v1", "HEAD~1", "main^", "refs/heads/main"] {
      #expect(try await repository.resolve(revision).hex == work.head(revision + "^{commit}"))
    }
    #expect(try await repository.resolve(String(work.head().prefix(8))).hex == work.head())
    for (revision, kind) in [
      ("nothing", GitError.Kind.gone), ("", .invalid), ("HEAD:a", .invalid),
      (String(repeating: "1", count: 40), .gone),
      ("a..b", .invalid), ("\u{1b}", .invalid),
    ] {
      let error = await #expect(throws: GitError.self) { try await repository.resolve(revision) }
      #expect(error?.kind == kind, Comment(rawValue: revision))
    }
  }

  @Test("merge base, ancestry and the first-parent log")
  func ancestry() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"], "one")
    try work.git("checkout", "-q", "-b", "side")
    try work.commit(["side": "1"], "side")
    try work.git("checkout", "-q", "main")
    try work.commit(["a": "2"], "two")
    try work.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    try work.git("checkout", "-q", "--orphan", "island")
    try work.commit(["b": "1"], "island")
    let repository = try await GitRepository.open(path: work.path)
    let (main, side) = (try await repository.resolve("main"), try await repository.resolve("side"))
    let (first, island) = (try await repository.resolve("main~2"), try await repository.resolve("island"))
    #expect(try await repository.mergeBase(main, side) == side)
    #expect(try await repository.mergeBase(try await repository.resolve("main~1"), side) == first)
    #expect(try await repository.mergeBase(main, island) == nil)
    #expect(try await repository.isAncestor(first, of: main))
    #expect(try await !repository.isAncestor(main, of: first))
    #expect(try await !repository.isAncestor(island, of: main))
    let log = try await repository.firstParentLog(from: first, to: main)
    #expect(log.commits.map(\.subject) == ["two", "merge"])
    #expect(log.reachedBase)
    #expect(try await !repository.firstParentLog(from: side, to: main).reachedBase)
    #expect(try await repository.firstParentLog(from: nil, to: main).commits.count == 3)
    #expect(try await !repository.firstParentLog(from: nil, to: main, limit: 2).reachedBase)
  }

  @Test("a file's history contains each state once, newest first")
  func fileHistory() async throws {
    let work = try TemporaryRepository()
    try work.commit(["other": "1"], "before")
    let born = try work.commit(["c/x": "1"], "born")
    try work.commit(["other": "2"], "elsewhere")
    let changed = try work.commit(["c/x": "2"], "changed")
    let removed = try work.commit(["c/x": nil], "removed")
    let back = try work.commit(["c/x": "1"], "back")
    let repository = try await GitRepository.open(path: work.path)
    let head = try await repository.resolve("HEAD")
    let history = try await repository.fileHistory("c/x", from: head)
    #expect(
      history.map(\.commit.hex)
        == [back, changed, born].reduce(into: []) {
          $0.append($1); if $1 == back { $0.append(removed) }
        })
    #expect(history.map { $0.blob == nil } == [false, true, false, false])
    #expect(try history[0].blob?.hex == work.head("HEAD:c/x"))
    #expect(try await repository.fileHistory("c/x", from: head, limit: 2).count == 2)
    #expect(try await repository.fileHistory("nothing", from: head).isEmpty)
  }

  @Test("a link in place of a file is no version of the file, also if it has the same content")
  func linkInHistory() async throws {
    let work = try TemporaryRepository()
    let born = try work.commit(["c/x": "1"], "born")
    try work.setMode("120000", of: "c/x")
    let repository = try await GitRepository.open(path: work.path)
    let history = try await repository.fileHistory("c/x", from: try await repository.resolve("HEAD"))
    #expect(try history.map(\.commit.hex) == [work.head(), born])
    #expect(history.map { $0.blob == nil } == [true, false])
  }

  @Test("one traversal finds the earlier versions of many files, within its limits")
  func histories() async throws {
    let work = try TemporaryRepository()
    try work.commit(["f/a": "a1", "f/b": "b1", "other": "1"])
    try work.commit(["f/a": nil, "other": "2"])
    let bad = try work.commit(folder: "f", try work.twofold())
    let repaired = try work.git("commit-tree", "HEAD~1^{tree}", "-p", bad, "-m", "Repair")
    try work.git("reset", "--quiet", "--hard", repaired)
    try work.commit(["f/a": "a2"])
    try work.commit(["f/b": "b2"])
    let repository = try await GitRepository.open(path: work.path)
    let head = try await repository.resolve("HEAD")
    let selection = try PathSelection(patterns: ["f/*"])
    func versions(_ path: String, _ walk: inout FileHistories) throws -> [String] {
      var found: [String] = []
      while let version = try repository.reader.version(found.count, of: path, in: &walk) {
        switch version {
        case .absent: found.append("")
        case .blob(let id):
          found.append(String(decoding: try repository.reader.blob(id, limit: 10), as: UTF8.self))
        }
      }
      return found
    }
    var whole = try repository.reader.histories(from: head, selection, limits: TreeLimits())
    #expect(try versions("f/a", &whole) == ["", "a1"])
    #expect(try versions("f/b", &whole) == ["b1"])
    #expect(try versions("other", &whole).isEmpty)
    // Each comparison opens two folders.
    var cut = try repository.reader.histories(from: head, selection, limits: TreeLimits(folders: 3))
    #expect(try versions("f/b", &cut) == ["b1"])
    #expect(try versions("f/a", &cut).isEmpty)
    var short = try repository.reader.histories(from: head, selection, limits: TreeLimits(), depth: 1)
    #expect(try versions("f/a", &short).isEmpty)
  }

  @Test("paths get the last commit that changed them, and all comparisons share their limits")
  func lastChanges() async throws {
    let work = try TemporaryRepository()
    let first = try work.commit(["f/a": "1", "f/b": "1", "f/c": "1"], "first")
    let second = try work.commit(["f/b": "2", "other": "1"], "second")
    let third = try work.commit(["f/c": nil], "third")
    let repository = try await GitRepository.open(path: work.path)
    let selection = try PathSelection(patterns: ["f/*"])
    let log = try await repository.firstParentLog(from: nil, to: try await repository.resolve("HEAD"))
    func last(
      _ limits: TreeLimits, by commits: [CommitInfo], since base: ObjectID? = nil
    ) async throws -> [String: String] {
      let found = try await repository.lastChanges(
        by: commits, since: base, selection, budget: SharedTreeBudget(limits))
      return Dictionary(uniqueKeysWithValues: found.byPath.map { ($0.key.description, $0.value.hex) })
    }
    #expect(
      try await last(TreeLimits(), by: log.commits) == ["f/a": first, "f/b": second, "f/c": third])
    // Each comparison opens two folders.
    #expect(try await last(TreeLimits(folders: 4), by: log.commits) == ["f/b": second, "f/c": third])
    #expect(try await last(TreeLimits(folders: 3), by: log.commits) == ["f/c": third])
    let base = try #require(ObjectID(hex: second))
    #expect(try await last(TreeLimits(), by: [log.commits[2]], since: base) == ["f/c": third])
    let bad = try work.commit(folder: "f", try work.twofold())
    let repaired = try work.git("commit-tree", "\(third)^{tree}", "-p", bad, "-m", "Revert")
    let later = try work.git("commit-tree", "\(second)^{tree}", "-p", repaired, "-m", "Put f/c back")
    let head = try #require(ObjectID(hex: later))
    let whole = try await repository.firstParentLog(from: nil, to: head)
    #expect(try await last(TreeLimits(), by: whole.commits) == ["f/c": later])
  }

  @Test("in a shallow clone, the end of the history is reported")
  func shallow() async throws {
    let origin = try TemporaryRepository()
    for number in 0..<3 { try origin.commit(["a": "\(number)"]) }
    let old = try origin.head("HEAD~2")
    let folder = try TemporaryFolder()
    try TemporaryRepository.run(
      ["git", "clone", "-q", "--depth=1", "file://" + origin.path, folder.path + "/shallow"], in: nil)
    let repository = try await GitRepository.open(path: folder.path + "/shallow")
    #expect(try await repository.isShallow())
    let head = try await repository.resolve("HEAD")
    #expect(try await repository.tree(at: head).count == 1)
    let missing = await #expect(throws: GitError.self) { try await repository.resolve(old) }
    #expect(missing?.kind == .shallow)
    #expect(missing?.hint?.contains("--unshallow") == true)
    let id = try #require(ObjectID(hex: old))
    let error = await #expect(throws: GitError.self) { try await repository.isAncestor(id, of: head) }
    #expect(error?.kind == .shallow)
  }

  @Test("commits are written without a work tree, and git reads them")
  func writing() async throws {
    let bare = try TemporaryRepository(bare: true)
    let repository = try await GitRepository.open(path: bare.path)
    let author = Signature(
      name: "Ada <L>", email: "ada@example.invalid", seconds: 1_700_000_000, offsetMinutes: -150)
    let one = try await repository.commitFiles(
      on: "main", ["a/b/c": Array("1".utf8), "d": Array("2".utf8)], message: "One\n", author: author)
    let two = try await repository.commitFiles(on: "main", ["a/b/c": nil], message: "Two", author: author)
    #expect(
      try bare.git("log", "--format=%s|%an|%ae|%ad", "--date=raw", "main").split(separator: "\n") == [
        "Two|Ada L|ada@example.invalid|1700000000 -0230", "One|Ada L|ada@example.invalid|1700000000 -0230",
      ])
    #expect(try bare.git("ls-tree", "-r", "--name-only", "main") == "d")
    #expect(try bare.git("ls-tree", "-r", "--name-only", one.hex) == "a/b/c\nd")
    try bare.git("fsck", "--strict", "--full")
    #expect(
      try await repository.commitFiles(on: "main", ["d": Array("2".utf8)], message: "No", author: author)
        == two)
    for path in ["../x", "/x", "a/../b", ".git/config", "a//b", "x\n"] {
      let error = await #expect(throws: GitError.self) {
        try await repository.commitFiles(on: "main", [path: []], message: "Bad", author: author)
      }
      #expect(error?.kind == .invalid)
    }
    let stale = await #expect(throws: GitError.self) {
      try await repository.updateRef("refs/heads/main", to: one, expecting: one)
    }
    #expect(stale?.kind == .conflict)
  }
}
