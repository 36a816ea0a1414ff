import Foundation
import GitStore
import TestSupport
import Testing

@Suite("Staged changes")
struct StagedChangesTests {
  /// Applied to the tree of the commit, the changes give the tree of the index, for any staged files.
  @Test(
    "the staged changes are the difference between the commit and the index",
    arguments: 1...3 as ClosedRange<UInt64>)
  func random(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let names = ["a", "a.b", "a-b", "ab", "b", "sub", "é"]
    func path() -> String {
      (0...Int.random(in: 0...2, using: &random)).map { _ in names.randomElement(using: &random) ?? "a" }
        .joined(separator: "/")
    }
    let work = try TemporaryRepository()
    try work.commit(["a": "0"])
    for _ in 0..<25 {
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let (blob, path) = (
          try work.git("hash-object", "-w", "--stdin", input: "\(Int.random(in: 0..<3, using: &random))"),
          path()
        )
        if Int.random(in: 0..<4, using: &random) == 0 {
          try work.git("rm", "-r", "-q", "--cached", "--ignore-unmatch", path)
        } else {
          let mode = ["100644", "100755", "120000"].randomElement(using: &random) ?? "100644"
          try work.git("update-index", "--add", "--replace", "--cacheinfo", "\(mode),\(blob),\(path)")
        }
      }
      let repository = try await GitRepository.open(path: work.path)
      let head = try await repository.resolve("HEAD")
      for patterns in [["**"], ["a/**"], ["*/b", "sub"]] {
        let selection = try PathSelection(patterns: patterns)
        var tree = Dictionary(
          uniqueKeysWithValues: try await repository.tree(at: head, selection).map { ($0.path, $0) })
        for change in try await repository.stagedChanges(since: head, selection) {
          #expect(tree[change.path] == change.old)
          #expect(change.old != change.new)
          tree[change.path] = change.new
        }
        let links = Set(tree.values.filter { !$0.isFile }.map(\.path))
        // A link is reported wherever a selected path could be behind it; the index's list omits these.
        let staged = try await repository.stagedTree(selection).filter { !links.contains($0.path) }
        #expect(tree.values.filter(\.isFile).map(\.path).sorted() == staged.map(\.path).sorted())
        #expect(Set(tree.values.filter(\.isFile)) == Set(staged))
      }
      if Int.random(in: 0..<2, using: &random) == 0 {
        try work.git("commit", "--quiet", "--allow-empty", "--message", "next")
      }
    }
  }

  @Test("before the first commit all staged files are changes")
  func unborn() async throws {
    let work = try TemporaryRepository()
    try work.write(["a": "1", "later": "1"])
    try work.git("add", "a")
    try work.git("add", "--intent-to-add", "later")
    let repository = try await GitRepository.open(path: work.path)
    let changes = try await repository.stagedChanges(since: nil)
    #expect(changes.map(\.path) == ["a"])
    #expect(changes.allSatisfy { $0.old == nil })
  }

  @Test("in a merge with conflicts, the path to resolve is named if it is selected")
  func unmerged() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": "1", "b": "1"])
    try work.git("switch", "--quiet", "--create", "other")
    try work.commit(["a": "2"])
    try work.git("switch", "--quiet", "main")
    try work.commit(["a": "3"])
    _ = try? work.git("merge", "--quiet", "other")
    let repository = try await GitRepository.open(path: work.path)
    let head = try await repository.resolve("HEAD")
    let error = await #expect(throws: GitError.self) { try await repository.stagedChanges(since: head) }
    #expect(error?.kind == .conflict)
    #expect(error?.message.contains("a is unmerged") == true)
    let other = try PathSelection(patterns: ["b"])
    #expect(try await repository.stagedChanges(since: head, other).isEmpty)
  }
}
