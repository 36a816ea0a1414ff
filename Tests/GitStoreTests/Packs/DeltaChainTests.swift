import CLibgit2
import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("Differences in packs", .timeLimit(.minutes(5)))
struct DeltaChainTests {
  private let repository: TemporaryRepository

  init() throws { repository = try TemporaryRepository(bare: true) }

  private func handle() throws -> RepositoryHandle {
    try RepositoryHandle(RepositoryLocation(path: repository.path))
  }

  private func id(_ content: String) throws -> ObjectID { try ObjectID.ofBlob(Array(content.utf8)) }

  /// Pushes a commit with the files `a/b` and `a/c`, and stores the folder `a` only as a delta against a larger
  /// folder.
  ///
  /// - Parameter size: of the larger folder, in bytes.
  /// - Returns: the clone in which the commit was made.
  private func pushFolder(asDeltaAgainst size: Int) throws -> TemporaryRepository {
    let work = try repository.clone()
    try work.commit(["a/b": "1", "a/c": "2"])
    try work.push()
    let tree = try #require(ObjectID(hex: try work.head("HEAD:a")))
    let content = try handle().load(tree).bytes
    let base = Data(content) + Data(repeating: 0x31, count: size - content.count)
    var pack = HandmadePack()
    pack.add(type: 2, size: size, try repository.compressed(base).bytes)
    let copy = HandmadePack.varied(size) + HandmadePack.varied(content.count) + [0x90, UInt8(content.count)]
    pack.add(type: 6, size: copy.count, HandmadePack.stored(copy), base: 0)
    try repository.install(pack)
    try repository.git("prune-packed", "--quiet")
    return work
  }

  @Test("small files that are deltas against one large object are read until the bytes to unpack are used up")
  func manySmall() async throws {
    let size = 8 << 20
    var pack = HandmadePack()
    pack.add(type: 3, size: size, try repository.compressed(Data(count: size)).bytes)
    for number in 0..<100 { pack.addDelta(to: 0, ofSize: size, content: "file \(number)") }
    try repository.install(pack)
    let handle = try handle()
    handle.budget = UnpackBudget(size * 5 / 2)
    #expect(try handle.load(try id("file 0")).bytes == Array("file 0".utf8))
    #expect(try handle.load(try id("file 1")).bytes == Array("file 1".utf8))
    #expect((size * 2...size * 2 + 10_000).contains(handle.budget.taken))
    let error = #expect(throws: GitError.self) { _ = try handle.load(try id("file 2")) }
    #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)

    let ids = try (0..<100).map { try id("file \($0)") }
    let reader = try await GitRepository.open(path: repository.path)
    let read = await #expect(throws: GitError.self) {
      try await reader.readBlobs(ids, limit: 100, unpacked: size * 10) { _, _ in }
    }
    #expect(
      read?.kind == .tooLarge && read?.message.hasPrefix("more than 80 MiB have to be unpacked") == true)
    // The same limit holds for objects that are read one by one.
    let single = reader.reader.withCommonLimit()
    let all = #expect(throws: GitError.self) { for _ in 0..<1000 { _ = try single.blob(ids[0], limit: 100) } }
    #expect(all?.kind == .tooLarge)
  }

  @Test("a long chain is read up to the depth that git makes, and its end is refused without unpacking")
  func deep() throws {
    var pack = HandmadePack()
    pack.add(type: 3, size: 4, HandmadePack.stored(Array("0000".utf8)))
    for number in 1...5000 {
      let content = String(number + 100_000)
      pack.addDelta(to: number - 1, ofSize: number == 1 ? 4 : 6, content: content)
    }
    try repository.install(pack)
    let handle = try handle()
    handle.budget = UnpackBudget(1 << 30)
    let end = try id("105000")
    let error = #expect(throws: GitError.self) { _ = try handle.load(end) }
    #expect(error?.kind == .tooLarge && error?.message.contains("more than 4096 deltas") == true)
    #expect(error?.isExhausted == false)
    #expect(try handle.sizeOfFile(end) == nil)
    // Only the headers that showed that the chain is too deep count, and only once.
    #expect(handle.budget.taken == (DeltaChain.deepest + 1) * DeltaChain.step)
    #expect(try handle.load(try id("104096")).count == 6)
    // The chain was measured once and unpacked once; libgit2 has kept the objects since.
    let first = handle.budget.taken
    #expect((8000 * 1024...16_000 * 1024).contains(first))
    for number in 104_000..<104_096 { #expect(try handle.load(try id("\(number)")).count == 6) }
    #expect(handle.budget.taken - first < 96 * 2 * 1100)
  }

  @Test("the ends of chains that are too deep count for the budget, and a file with such a chain is reported")
  func tooDeep() async throws {
    var pack = HandmadePack()
    for start in [0, 6000] {
      pack.add(type: 3, size: 6, HandmadePack.stored(Array("\(300_000 + start)".utf8)))
      for number in 1..<6000 {
        pack.addDelta(to: start + number - 1, ofSize: 6, content: "\(300_000 + start + number)")
      }
    }
    try repository.install(pack)
    let ids = try (0..<20).flatMap { [try id("\(305_900 + $0)"), try id("\(311_900 + $0)")] }
    let handle = try handle()
    handle.budget = UnpackBudget(10 * DeltaChain.deepest * DeltaChain.step)
    let error = #expect(throws: GitError.self) { for id in ids { _ = try handle.sizeOfFile(id) } }
    #expect(error?.isExhausted == true)
    let reader = try await GitRepository.open(path: repository.path)
    let read = try await reader.readBlobs([ids[0]], limit: 100) { _, content in
      if case .baseTooLarge = content { true } else { false }
    }
    #expect(read == [true])
  }

  @Test("a copy or fetch of many folders with ten thousand names is within the budget")
  func largeFolders() throws {
    let folder = 460_000
    let budget = UnpackBudget(allowance: .eachObject)
    for _ in 0..<100_000 { try budget.take(4 * folder, objectOf: folder) }
    #expect(budget.taken == 0)
    // git never stores a small object with such an expensive chain, so these objects count towards the limit.
    let error = #expect(throws: GitError.self) {
      for _ in 0..<100_000 { try budget.take(4 * folder, objectOf: 100) }
    }
    #expect(error?.isExhausted == true)
  }

  @Test("an object is found in a pack that arrives after it was missed")
  func laterPack() throws {
    let handle = try handle()
    let id = try id("late")
    #expect(try handle.packed(id) == nil)
    var pack = HandmadePack()
    pack.add(type: 3, size: 4, HandmadePack.stored(Array("late".utf8)))
    try repository.install(pack)
    #expect(try handle.packed(id) != nil)
  }

  @Test("a copy has the files of a folder that is a delta against a folder of 40 MiB")
  func copiedFolder() async throws {
    let work = try pushFolder(asDeltaAgainst: 40 << 20)
    let target = try TemporaryRepository(bare: true)
    var objects = ObjectCopy(
      from: try handle(), to: try RepositoryHandle(RepositoryLocation(path: target.path)), tick: {})
    _ = try objects.copy([try #require(ObjectID(hex: try work.head("HEAD")))])
    #expect(try target.git("cat-file", "-p", try work.head("HEAD:a/c")) == "2")
  }

  @Test("the chains that git makes cost little more than their objects")
  func usual() throws {
    let work = try repository.clone()
    var text = (0..<2000).map { "line \($0) of a file that changes a little\n" }
    for number in 0..<60 {
      text[number * 30] = "change \(number)\n"
      try work.commit(["file": text.joined()])
    }
    try work.git("repack", "--quiet", "-a", "-d", "-f", "--depth=50", "--window=60")
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    let versions = try work.git("log", "--format=%H:file").split(separator: "\n").map {
      try #require(ObjectID(hex: try work.head(String($0))))
    }
    let depths = try versions.map { try handle.packed($0)?.chain.depth ?? 0 }
    #expect((depths.max() ?? 0) > 5)
    var total = 0
    for id in versions {
      let object = try handle.load(id)
      #expect(try ObjectID.ofBlob(object.bytes) == id)
      total += object.count
    }
    #expect((1...3 * total).contains(handle.budget.taken))
  }

  @Test("an object that is refused many times takes no memory")
  func refused() throws {
    let (base, instructions) = (3 << 20, 5 << 20)
    var pack = HandmadePack()
    pack.add(type: 3, size: base, try repository.compressed(Data(count: base)).bytes)
    // Each instruction copies one byte.
    var delta = Data(HandmadePack.varied(base) + HandmadePack.varied(instructions / 2))
    for _ in 0..<instructions / 2 { delta.append(contentsOf: [0x90, 1] as [UInt8]) }
    pack.add(type: 6, size: delta.count, try repository.compressed(delta).bytes, base: 0)
    let result = try #require(ObjectID(hex: try repository.compressed(Data(count: instructions / 2)).blob))
    try repository.install(pack)
    try repository.git("prune-packed", "--quiet")
    let handle = try handle()
    for _ in 0..<1000 {
      let error = #expect(throws: GitError.self) {
        try AllocationLimit.run(4 << 20) { () throws(GitError) in _ = try handle.load(result) }
      }
      #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)
    }
    // libgit2 would have kept the base each time: 3 GB.
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    let resident = try #require(Int(line.filter(\.isNumber)))
    #expect(resident < 1 << 20, "\(line)")
    #expect(handle.budget.taken == DeltaChain.step)
  }

  @Test("a delta whose beginning is hidden behind empty blocks is refused")
  func hiddenSizes() throws {
    var pack = HandmadePack()
    pack.add(type: 3, size: 4, HandmadePack.stored(Array("base".utf8)))
    let delta = HandmadePack.varied(4) + HandmadePack.varied(4) + [4] + Array("late".utf8)
    pack.add(type: 6, size: delta.count, HandmadePack.stored(delta, after: 20_000), base: 0)
    try repository.install(pack)
    let handle = try handle()
    let error = #expect(throws: GitError.self) { _ = try handle.load(try id("late")) }
    #expect(error?.kind == .corrupt)
  }

  @Test("a commit or folder that is a delta against a large object counts as a file does")
  func folders() async throws {
    let size = 5 << 20
    _ = try pushFolder(asDeltaAgainst: size)
    let handle = try handle()
    handle.budget = UnpackBudget(size)
    let error = #expect(throws: GitError.self) {
      try handle.entries(inTree: try handle.tree(ofCommit: try handle.resolve("main")), .all, TreeLimits())
    }
    #expect(error?.kind == .tooLarge && error?.path == "a")
  }
}
