import Foundation
import GitStore
import TestSupport
import Testing

@Suite("Staged and unstaged files")
struct IndexTests {
  @Test("the staged tree is what git commit would commit, not what is on disk")
  func staged() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1", "b": "1", "c": "1"])
    try work.write(["a": "staged", "b": nil, "new": "n", "later": "l"])
    try work.git("add", "a", "b", "new")
    try work.git("add", "--intent-to-add", "later")
    try work.write(["a": "on disk"])
    let repository = try await GitRepository.open(path: work.path)
    let staged = try await repository.stagedTree()
    #expect(staged.map(\.path) == ["a", "c", "new"])
    #expect(try await repository.blob(staged[0].id, limit: 100) == Array("staged".utf8))
    #expect(try await repository.stagedTree(try PathSelection(patterns: ["n*"])).map(\.path) == ["new"])
  }

  @Test("a hook reads the index that git names, as with git commit -a or a path")
  func environmentIndex() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    try work.write(["a": "2"])
    let other = work.path + "/.git/next-index"
    try work.git("read-tree", "HEAD", environment: ["GIT_INDEX_FILE": other])
    try work.git("add", "a", environment: ["GIT_INDEX_FILE": other])
    let plain = try await GitRepository.open(path: work.path)
    let hook = try await GitRepository.openFromEnvironment(
      path: work.path,
      ["GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/next-index", "GIT_WORK_TREE": work.path])
    #expect(try await hook.stagedTree() != plain.stagedTree())
    let id = try await hook.stagedTree()[0].id
    #expect(try await hook.blob(id, limit: 100) == Array("2".utf8))
    #expect(try await hook.workTree() == work.path + "/")
  }

  @Test("in the environment of a real pre-commit hook the repository opens, in a linked work tree too")
  func linkedWorkTree() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    let scratch = try TemporaryFolder()
    let linked = scratch.path + "/linked"
    try work.git("worktree", "add", "-q", linked)
    try work.setHook("pre-commit", "env | grep ^GIT_ > \(scratch.path)/env")
    try Data("2".utf8).write(to: URL(fileURLWithPath: linked + "/a"))
    try TemporaryRepository.run(["git", "commit", "-q", "-a", "-m", "x"], in: linked)
    let lines = try String(contentsOfFile: scratch.path + "/env", encoding: .utf8).split(separator: "\n")
    let pairs = lines.compactMap { line -> (String, String)? in
      let parts = line.split(separator: "=", maxSplits: 1)
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }
    var environment = Dictionary(uniqueKeysWithValues: pairs)
    // The lock of the index is gone once the commit is made.
    #expect(environment.removeValue(forKey: "GIT_INDEX_FILE") != nil)
    let repository = try await GitRepository.openFromEnvironment(path: linked, environment)
    let head = try await repository.resolve("HEAD")
    #expect(try await repository.tree(at: head)[0].id == ObjectID.ofBlob(Array("2".utf8)))
  }

  @Test("objects of a push are read from its quarantine")
  func quarantine() async throws {
    let bare = try TemporaryRepository(bare: true)
    let work = try bare.clone()
    let scratch = try TemporaryFolder()
    try bare.setHook(
      "pre-receive",
      "env | grep ^GIT_ > \(scratch.path)/env; cp -r \"$GIT_OBJECT_DIRECTORY\" \(scratch.path)/objects; cat > \(scratch.path)/in; exit 1"
    )
    let head = try #require(ObjectID(hex: try work.commit(["a": "1"])))
    #expect(throws: ToolError.self) { try work.push() }
    let plain = try await GitRepository.open(path: bare.path)
    await #expect(throws: GitError.self) { try await plain.tree(at: head) }
    let hook = try await GitRepository.openFromEnvironment(
      path: bare.path,
      [
        "GIT_DIR": ".", "GIT_OBJECT_DIRECTORY": scratch.path + "/objects",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "\"\(bare.path)/obj\\145cts\":./objects",
        "GIT_QUARANTINE_PATH": scratch.path + "/objects",
      ])
    #expect(try await hook.tree(at: head).map(\.path) == ["a"])
    #expect(try await hook.resolve(head.hex) == head)
  }

  @Test("an unmerged path is a conflict that names it")
  func unmerged() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1"])
    try work.git("checkout", "-q", "-b", "other")
    try work.commit(["a": "2"])
    try work.git("checkout", "-q", "main")
    try work.commit(["a": "3"])
    #expect(throws: ToolError.self) { try work.git("merge", "other") }
    let repository = try await GitRepository.open(path: work.path)
    let error = await #expect(throws: GitError.self) { try await repository.stagedTree() }
    #expect(error?.kind == .conflict)
    #expect(error?.message.contains("a is unmerged") == true)
  }

  @Test("the files of a work tree are those that are tracked or could be")
  func workTree() async throws {
    let work = try TemporaryRepository()
    try work.commit([
      ".gitignore": "*.log\nbuild/\n", "a.yaml": "1", "sub/b.yaml": "1", "kept.log": "x",
      "build/tracked": "x",
    ])
    try work.git("add", "-f", "kept.log", "build/tracked")
    try work.git("commit", "-q", "-m", "x")
    try work.write([
      "new.yaml": "n", "noise.log": "x", "build/out": "x", "sub/.gitignore": "c.yaml", "sub/c.yaml": "x",
      "nested/.git/HEAD": "x", "nested/file": "x",
    ])
    try FileManager.default.createSymbolicLink(atPath: work.path + "/link", withDestinationPath: "/etc")
    let tree = try await WorkTree.list(path: work.path + "/sub")
    #expect(tree.root == work.path + "/")
    #expect(tree.asked == "sub/")
    #expect(
      tree.files.map(\.path) == [
        ".gitignore", "a.yaml", "build/tracked", "kept.log", "link", "nested", "new.yaml", "sub/.gitignore",
        "sub/b.yaml",
      ])
    #expect(tree.files.filter { !$0.isFile }.map(\.kind) == [.link(.symlink), .link(.submodule)])
    #expect(try tree.read("a.yaml", limit: 10) == Array("1".utf8))
    #expect(throws: GitError.self) { try tree.read("link", limit: 10) }
    try work.write(["long": String(repeating: "x", count: 100)])
    #expect(try tree.read("long", limit: 10).count == 11)
  }

  @Test("outside a repository every file counts")
  func plainFolder() async throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path + "/x", withIntermediateDirectories: true)
    try Data("1".utf8).write(to: URL(fileURLWithPath: folder.path + "/x/a.yaml"))
    let tree = try await WorkTree.list(path: folder.path)
    #expect(tree.files.map(\.path) == ["x/a.yaml"])
    #expect(tree.asked == "")
    let error = await #expect(throws: GitError.self) {
      try await WorkTree.list(path: folder.path + "/nothing")
    }
    #expect(error?.kind == .gone)
    let bare = try TemporaryRepository(bare: true)
    let other = await #expect(throws: GitError.self) { try await WorkTree.list(path: bare.path) }
    #expect(other?.kind == .invalid)
  }
}
