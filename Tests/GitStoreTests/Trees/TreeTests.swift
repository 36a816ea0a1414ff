import Foundation
import GitStore
import TestSupport
import Testing

@Suite("Trees")
struct TreeTests {
  @Test("a commit's tree is listed by path, with git's ids")
  func listing() async throws {
    let work = try TemporaryRepository()
    let head = try work.commit(["apps/spark.json": "{}", "clusters/prod/a.yaml": "a: 1\n", "README.md": "x"])
    try work.git("update-index", "--chmod=+x", "README.md")
    try work.git("commit", "-q", "-m", "x")
    let repository = try await GitRepository.open(path: work.path)
    let commit = try await repository.resolve("HEAD")
    let entries = try await repository.tree(at: commit)
    #expect(entries.map(\.path) == ["README.md", "apps/spark.json", "clusters/prod/a.yaml"])
    #expect(entries[0].kind == .file(executable: true))
    #expect(try entries[1].id.hex == work.head("HEAD:apps/spark.json"))
    let selected = try await repository.tree(at: commit, try PathSelection(patterns: ["clusters/**"]))
    #expect(selected.map(\.path) == ["clusters/prod/a.yaml"])
    #expect(try await repository.blob(selected[0].id, limit: 100) == Array("a: 1\n".utf8))
    #expect(try await repository.resolve("HEAD~1").hex == head)
    #expect(try await repository.entry(at: "apps/spark.json", in: commit)?.id == entries[1].id)
    #expect(try await repository.entry(at: "apps", in: commit) == nil)
    #expect(try await repository.entry(at: "../apps/spark.json", in: commit) == nil)
  }

  @Test("a diff equals git diff-tree for every change of type")
  func diffing() async throws {
    let work = try TemporaryRepository()
    try work.commit([
      "same": "1", "changed": "1", "gone": "1", "deep/a/b/c": "1", "deep/a/b/d": "1", "file-to-folder": "1",
      "folder-to-file/x": "1", "a.b": "1", "a/x": "1", "moved/one": "content of some length",
    ])
    try FileManager.default.removeItem(atPath: work.path + "/folder-to-file")
    try FileManager.default.removeItem(atPath: work.path + "/file-to-folder")
    try work.commit([
      "changed": "2", "gone": nil, "deep/a/b/c": "2", "file-to-folder/y": "1", "folder-to-file": "1",
      "a/y": "1",
      "moved/one": nil, "moved/two": "content of some length", "ö/ü": "1",
    ])
    let repository = try await GitRepository.open(path: work.path)
    let (old, new) = (try await repository.resolve("HEAD~1"), try await repository.resolve("HEAD"))
    let ours = try await repository.diff(base: old, head: new).map { change in
      let status = change.old == nil ? "A" : change.new == nil ? "D" : "M"
      return "\(status)\t\(change.path)"
    }
    let theirs = try work.git(
      "-c", "core.quotePath=false", "diff-tree", "-r", "--no-renames", "--name-status", "HEAD~1", "HEAD")
    #expect(ours.sorted() == theirs.split(separator: "\n").map(String.init).sorted())
    #expect(ours.count == 11)
    #expect(try await repository.diff(base: new, head: new).isEmpty)
    #expect(try await repository.diff(base: nil, head: new).count == repository.tree(at: new).count)
    #expect(try await repository.diff(base: new, head: nil).allSatisfy { $0.new == nil })
    let below = try await repository.diff(base: old, head: new, try PathSelection(patterns: ["deep/**"]))
    #expect(below.map(\.path) == ["deep/a/b/c"])
  }

  @Test("a change of mode alone is a change")
  func modeChange() async throws {
    let work = try TemporaryRepository()
    try work.commit(["run.sh": "x"])
    try work.git("update-index", "--chmod=+x", "run.sh")
    try work.git("commit", "-q", "-m", "executable")
    let repository = try await GitRepository.open(path: work.path)
    let changes = try await repository.diff(
      base: try await repository.resolve("HEAD~1"), head: try await repository.resolve("HEAD"))
    #expect(changes.map(\.path) == ["run.sh"])
    #expect(
      changes[0].old?.kind == .file(executable: false) && changes[0].new?.kind == .file(executable: true))
  }

  @Test("a name of a megabyte is no file, costs no time, and is shown shortened", .timeLimit(.minutes(5)))
  func longName() async throws {
    let work = try TemporaryRepository(bare: true)
    let blob = try work.git("hash-object", "-w", "--stdin", input: "x")
    let name = String(repeating: "a", count: 1 << 20) + ".yaml"
    let tree = try work.git("mktree", "-z", "--missing", input: "100644 blob \(blob)\t\(name)\0")
    let commit = try work.git("commit-tree", tree, "-m", "x")
    let repository = try await GitRepository.open(path: work.path)
    let stars = String(repeating: "*a", count: 500) + "*.yaml"
    for patterns in [["*.yaml"], ["**"], [stars]] {
      let entries = try await repository.tree(
        at: try await repository.resolve(commit), PathSelection(patterns: patterns))
      #expect(entries.count <= 1)
      if let entry = entries.first {
        #expect(
          entry.kind == .link(.hostilePath) && entry.path.hasSuffix("a.yaml") && entry.path.utf8.count == 255)
      } else {
        #expect(patterns == [stars])
      }
    }
  }

  @Test("links, submodules and hostile names are listed as such, and never followed")
  func hostile() async throws {
    let work = try TemporaryRepository(bare: true)
    let blob = try work.git("hash-object", "-w", "--stdin", input: "secret")
    func tree(_ lines: [String]) throws -> String {
      try work.git("mktree", "-z", "--missing", input: lines.map { $0 + "\0" }.joined())
    }
    let inner = try tree(["100644 blob \(blob)\tconfig"])
    let apps = try tree([
      "100644 blob \(blob)\t..", "100644 blob \(blob)\t.git", "040000 tree \(inner)\t.GIT",
      "100644 blob \(blob)\ta\u{1b}[31m", "100644 blob \(blob)\tb\nc", "120000 blob \(blob)\tlink",
      "160000 commit \(String(repeating: "1", count: 40))\tmodule", "100644 blob \(blob)\tok",
      "100644 blob \(blob)\trtl\u{202e}x",
      "100644 blob \(blob)\tback\\slash",
    ])
    let root = try tree([
      "040000 tree \(apps)\tapps", "120000 blob \(blob)\tclusters", "040000 tree \(inner)\t..",
    ])
    let commit = try work.git("commit-tree", root, "-m", "hostile")
    let repository = try await GitRepository.open(path: work.path)
    let id = try #require(ObjectID(hex: commit))
    let entries = try await repository.tree(at: id)
    let kinds = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0.kind) })
    #expect(
      kinds == [
        "..": .link(.hostilePath), "apps/..": .link(.hostilePath), "apps/.GIT": .link(.hostilePath),
        "apps/.git": .link(.hostilePath), "apps/a\\033[31m": .link(.hostilePath),
        "apps/b\\012c": .link(.hostilePath), "apps/link": .link(.symlink), "apps/module": .link(.submodule),
        "apps/ok": .file(executable: false), "apps/rtl\\342\\200\\256x": .link(.hostilePath),
        "apps/back\\\\slash": .link(.hostilePath), "clusters": .link(.symlink),
      ])
    // A link in place of a folder is reported if a glob would have matched below it.
    let selected = try await repository.tree(at: id, try PathSelection(patterns: ["clusters/**"]))
    #expect(selected.map(\.kind) == [.link(.symlink)])
    #expect(try await repository.diff(base: nil, head: id).count == entries.count)
    #expect(try await repository.entry(at: "apps/../apps/ok", in: id) == nil)
  }

  @Test("a tree that expands to an unrealistic number of files is refused, not listed")
  func bomb() async throws {
    let work = try TemporaryRepository(bare: true)
    let blob = try work.git("hash-object", "-w", "--stdin", input: "x")
    var tree = try work.git("mktree", input: (0..<10).map { "100644 blob \(blob)\t\($0)\n" }.joined())
    for _ in 0..<10 {
      let below = tree
      tree = try work.git("mktree", input: (0..<10).map { "040000 tree \(below)\t\($0)\n" }.joined())
    }
    let commit = try #require(ObjectID(hex: try work.git("commit-tree", tree, "-m", "bomb")))
    let repository = try await GitRepository.open(path: work.path)
    let limits = TreeLimits(files: 20_000, folders: 20_000)
    let error = await #expect(throws: GitError.self) { try await repository.tree(at: commit, limits: limits) }
    #expect(error?.kind == .tooLarge)
    #expect(error?.path?.hasPrefix("0/0") == true)
    let other = await #expect(throws: GitError.self) {
      try await repository.diff(base: nil, head: commit, limits: limits)
    }
    #expect(other?.kind == .tooLarge)
  }

  @Test("folders deeper than 64 are listed as too deep")
  func depth() async throws {
    let work = try TemporaryRepository(bare: true)
    let blob = try work.git("hash-object", "-w", "--stdin", input: "x")
    var tree = try work.git("mktree", input: "100644 blob \(blob)\tfile\n")
    for _ in 0..<70 { tree = try work.git("mktree", input: "040000 tree \(tree)\td\n") }
    let commit = try #require(ObjectID(hex: try work.git("commit-tree", tree, "-m", "deep")))
    let entries = try await GitRepository.open(path: work.path).tree(at: commit)
    #expect(entries.map(\.kind) == [.link(.tooDeep)])
  }

  @Test("many blobs are read in parallel, and returned in order")
  func blobs() async throws {
    let work = try TemporaryRepository()
    let files = Dictionary(uniqueKeysWithValues: (0..<1000).map { ("f/\($0)", "content \($0)") })
    try work.commit(files.mapValues { $0 })
    let repository = try await GitRepository.open(path: work.path)
    let entries = try await repository.tree(at: try await repository.resolve("HEAD"))
    let texts = try await repository.readBlobs(entries.map(\.id), limit: 100, threads: 3) { index, content in
      guard case .bytes(let bytes) = content else { return "" }
      return "\(index) " + String(decoding: bytes, as: UTF8.self)
    }
    #expect(texts == entries.enumerated().map { "\($0.offset) content \($0.element.path.dropFirst(2))" })
    let nothing = try #require(ObjectID(hex: String(repeating: "1", count: 40)))
    await #expect(throws: GitError.self) { try await repository.readBlobs([nothing], limit: 1) { _, _ in 0 } }
    #expect(try await repository.readBlobs([], limit: 1) { _, _ in 0 } == [])
  }
}
