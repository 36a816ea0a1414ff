import CLibgit2
import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("Common ancestors")
struct MergeBaseTests {
  private let work: TemporaryRepository
  private let tree: String

  init() throws {
    work = try TemporaryRepository()
    tree = try work.git("mktree")
  }

  /// Commits with up to two random parents, and the positions of the ancestors of each.
  private func history(
    _ count: Int, seed: UInt64, time: (Int, inout SeededRandom) -> Int
  ) throws -> (ids: [ObjectID], ancestors: [Set<Int>]) {
    var generator = SeededRandom(seed: seed)
    var (ids, ancestors): ([ObjectID], [Set<Int>]) = ([], [])
    for number in 0..<count {
      var parents: Set<Int> = []
      for _ in 0..<2 where number > 0 {
        parents.insert(Int.random(in: max(0, number - 6)..<number, using: &generator))
      }
      if number % 9 == 8 { parents = [] }
      let date = "\(1_700_000_000 + time(number, &generator)) +0000"
      let id = try work.git(
        ["commit-tree", tree, "-m", "\(number)"] + parents.sorted().flatMap { ["-p", ids[$0].hex] },
        environment: ["GIT_COMMITTER_DATE": date])
      ids.append(try #require(ObjectID(hex: id)))
      ancestors.append(parents.reduce(into: parents) { $0.formUnion(ancestors[$1]) })
    }
    return (ids, ancestors)
  }

  @Test("they are the same as git's")
  func sameAsGit() throws {
    let (ids, _) = try history(24, seed: 3) { number, _ in number }
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    for one in ids.indices {
      for other in ids[..<one].indices {
        let all = try? work.git("merge-base", "--all", ids[one].hex, ids[other].hex)
        let found = try handle.mergeBase(ids[one], ids[other])
        #expect(found.map { all?.contains($0.hex) == true } ?? (all == nil))
      }
    }
  }

  @Test("an ancestor is found whatever the times of the commits are", arguments: [1, 2, 3, 4] as [UInt64])
  func wrongTimes(seed: UInt64) throws {
    let (ids, ancestors) = try history(30, seed: seed) { Int.random(in: 0..<100, using: &$1) + 0 * $0 }
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    for one in ids.indices {
      for other in ids.indices where one != other {
        #expect(try handle.isAncestor(ids[other], of: ids[one]) == ancestors[one].contains(other))
      }
    }
  }

  /// A commit with a time.
  private func commit(_ name: String, _ time: Int, _ parents: [ObjectID] = []) throws -> ObjectID {
    let id = try work.git(
      ["commit-tree", tree, "-m", name] + parents.flatMap { ["-p", $0.hex] },
      environment: ["GIT_COMMITTER_DATE": "@\(time) +0000"])
    return try #require(ObjectID(hex: id))
  }

  @Test("a common ancestor of which another one descends is no best one, although its time is later")
  func redundant() throws {
    let root = try commit("root", 1_000_000_000)
    let late = try commit("late", 2_000_000_000, [root])
    let early = try commit("early", 1000, [late])
    let best = try commit("best", 1_700_000_000, [early])
    let middle = try commit("middle", 1_700_000_100, [late])
    let one = try commit("one", 1_700_000_200, [best, middle])
    let other = try commit("other", 1_700_000_300, [best, late])
    #expect(try work.git("merge-base", "--all", one.hex, other.hex) == best.hex)
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    #expect(try handle.mergeBase(one, other) == best)
    #expect(try handle.mergeBase(other, one) == best)
  }

  @Test("a shallow clone answers what its part of the history shows, and refuses the rest")
  func shallow() throws {
    let old = try commit("old", 1_700_000_000)
    let base = try commit("base", 1_700_000_100, [old])
    let one = try commit("one", 1_700_000_200, [base])
    let other = try commit("other", 1_700_000_300, [base])
    let merge = try commit("merge", 1_700_000_400, [one, other])
    try work.git("branch", "shallow", merge.hex)
    let folder = try TemporaryFolder()
    try TemporaryRepository.run(
      ["git", "clone", "-q", "--depth=3", "-b", "shallow", "file://" + work.path, folder.path + "/clone"],
      in: nil)
    let handle = try RepositoryHandle(RepositoryLocation(path: folder.path + "/clone"))
    #expect(try handle.mergeBase(one, other) == base)
    #expect(try handle.isAncestor(base, of: merge))
    let error = #expect(throws: GitError.self) { try handle.isAncestor(old, of: merge) }
    #expect(error?.kind == .shallow)
  }

  @Test("the search unpacks no more than an operation may")
  func largeCommits() throws {
    let size = 3 << 20
    let (ids, _) = try history(9, seed: 1) { number, _ in number }
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    var pack = HandmadePack()
    pack.add(type: 1, size: size, try work.compressed(Data(count: size)).bytes)
    for id in ids {
      let content = try handle.read(id, GIT_OBJECT_COMMIT).bytes
      var delta = HandmadePack.varied(size) + HandmadePack.varied(content.count)
      for start in stride(from: 0, to: content.count, by: 127) {
        let part = content[start..<min(start + 127, content.count)]
        delta += [UInt8(part.count)] + part
      }
      pack.add(type: 6, size: delta.count, HandmadePack.stored(delta), base: 0)
    }
    try work.install(pack)
    try work.git("prune-packed", "--quiet")
    let fresh = try RepositoryHandle(RepositoryLocation(path: work.path))
    fresh.budget = UnpackBudget(size * 3)
    let error = #expect(throws: GitError.self) { try fresh.isAncestor(ids[0], of: ids[7]) }
    #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)
  }
}
