import CLibgit2
import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("Packs from a remote", .timeLimit(.minutes(5)))
struct IncomingPackTests {
  private let repository: TemporaryRepository

  init() throws { repository = try TemporaryRepository(bare: true) }

  /// Receives a pack in chunks.
  private func receive(_ bytes: [UInt8], _ budget: UnpackBudget = UnpackBudget()) throws {
    let handle = try RepositoryHandle(RepositoryLocation(path: repository.path))
    let pack = try IncomingPack(in: handle.gitFolder + "objects/pack", handle.objectStore)
    for start in stride(from: 0, to: bytes.count, by: 10_000) {
      try bytes[start..<min(start + 10_000, bytes.count)].withUnsafeBytes { try pack.append($0) }
    }
    let counts = UnsafeMutablePointer<git_indexer_progress>.allocate(capacity: 1)
    counts.initialize(to: git_indexer_progress())
    defer { counts.deallocate() }
    let progress = IncomingPack.Progress(counts: counts, function: nil, payload: nil)
    let known: PackCheck.KnownObject = { (id) throws(GitError) in
      try handle.packed(id).map { ($0.chain.type, $0.cost) }
    }
    try AllocationLimit.run(AllocationLimit.transfer) { () throws(GitError) in
      try pack.index(progress, budget: budget, known: known)
    }
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: repository.path + "/objects/pack").sorted()
  }

  /// A pack with one large blob of zeros, and small files that are deltas against it.
  private func pack(size: Int, small: Int) throws -> HandmadePack {
    var pack = HandmadePack()
    let other = try TemporaryRepository(bare: true)
    pack.add(type: 3, size: size, try other.compressed(Data(count: size)).bytes)
    for number in 0..<small { pack.addDelta(to: 0, ofSize: size, content: "file \(number)") }
    return pack
  }

  @Test("a pack is indexed as git does, and nothing else remains")
  func good() throws {
    let pack = try pack(size: 2 << 20, small: 20)
    let budget = UnpackBudget()
    try receive(pack.finished, budget)
    #expect(try files().count == 2)
    try repository.git("fsck", "--full", "--strict")
    let small = try repository.blob(of: "file 7")
    #expect(try repository.git("cat-file", "-p", small) == "file 7")
    #expect((20 * (2 << 20)...21 * (2 << 20)).contains(budget.taken))
  }

  @Test("a pack with too much to unpack is refused before anything is rebuilt, and leaves nothing")
  func tooMuch() throws {
    let pack = try pack(size: 2 << 20, small: 20)
    let error = #expect(throws: GitError.self) { try receive(pack.finished, UnpackBudget(10 << 20)) }
    #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)
    #expect(try files().isEmpty)
  }

  @Test("a delta against an object above the limit of a fetch is refused; such an object alone is not")
  func largeBase() throws {
    let error = #expect(throws: GitError.self) { try receive(try pack(size: 130 << 20, small: 1).finished) }
    #expect(error?.kind == .tooLarge && error?.hint == GitError.repackingHint)
    #expect(try files().isEmpty)
    try receive(try pack(size: 130 << 20, small: 0).finished)
    #expect(try files().count == 2)
  }

  @Test("a file above the limit of a fetch, and too many objects, are refused before they are unpacked")
  func limits() throws {
    var large = HandmadePack()
    large.add(type: 3, size: 5 << 30, HandmadePack.stored([]))
    let file = #expect(throws: GitError.self) { try receive(large.finished) }
    #expect(file?.kind == .tooLarge)
    var many = large.finished
    many.replaceSubrange(8..<12, with: [1, 0, 0, 0])
    let objects = #expect(throws: GitError.self) { try receive(many) }
    #expect(objects?.kind == .tooLarge && objects?.message.contains("16777216 objects") == true)
  }

  @Test("a damaged pack is refused", arguments: [5, 40, 3000])
  func damaged(at place: Int) throws {
    var bytes = try pack(size: 2 << 20, small: 20).finished
    let place = place < bytes.count ? place : bytes.count - 30
    bytes[place] ^= 0x55
    let error = #expect(throws: GitError.self) { try receive(bytes) }
    #expect(error?.kind == .corruptRemote || error?.kind == .corrupt)
    #expect(try files().isEmpty)
  }

  @Test("an entry that is longer than its header says is refused")
  func longEntry() throws {
    var pack = try pack(size: 2 << 20, small: 0)
    let delta = HandmadePack.varied(2 << 20) + HandmadePack.varied(4) + [4] + Array("long".utf8)
    pack.add(type: 6, size: delta.count - 1, HandmadePack.stored(delta), base: 0)
    let error = #expect(throws: GitError.self) { try receive(pack.finished) }
    #expect(error?.kind == .corruptRemote)
  }

  @Test(
    "a large delta against a commit is refused, because libgit2 reads commits on its own",
    arguments: [1, 3] as [UInt8])
  func largeCommit(type: UInt8) throws {
    let other = try TemporaryRepository(bare: true)
    let count = 17 << 20
    var delta = Data(HandmadePack.varied(count) + HandmadePack.varied(count))
    for _ in 0..<count { delta.append(contentsOf: [0x90, 1] as [UInt8]) }
    var pack = HandmadePack()
    pack.add(type: type, size: count, try other.compressed(Data(count: count)).bytes)
    pack.add(type: 6, size: delta.count, try other.compressed(delta).bytes, base: 0)
    guard type == 1 else {
      // Both entries are the same file. libgit2 refuses that, but only after it has unpacked them.
      let error = #expect(throws: GitError.self) { try receive(pack.finished) }
      #expect(error?.kind != .tooLarge)
      return
    }
    let error = #expect(throws: GitError.self) { try receive(pack.finished) }
    #expect(error?.kind == .tooLarge)
  }

  @Test("a pack that refers to objects of the repository is completed")
  func thin() throws {
    let base = String(repeating: "0", count: 1000)
    let blob = try repository.git("hash-object", "-w", "--stdin", input: base)
    var pack = HandmadePack()
    let delta = HandmadePack.varied(1000) + HandmadePack.varied(4) + [4] + Array("thin".utf8)
    let id = stride(from: 0, to: 40, by: 2).compactMap { UInt8(blob.dropFirst($0).prefix(2), radix: 16) }
    pack.add(type: 7, size: delta.count, id + HandmadePack.stored(delta))
    try receive(pack.finished)
    #expect(try repository.git("cat-file", "-p", try repository.blob(of: "thin")) == "thin")
  }
}
