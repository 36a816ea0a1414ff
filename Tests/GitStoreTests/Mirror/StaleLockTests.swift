import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("Locks that a killed writer left behind")
struct StaleLockTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let work: TemporaryRepository
  private let ref = "refs/notes/kdops"

  init() throws {
    folder = try TemporaryFolder()
    (bare, work) = try TemporaryRepository.pushed()
  }

  private func mirror() async throws -> Mirror {
    try await Mirror.open(Remote(GitURL(bare.path)), at: folder.path + "/mirror", refs: [ref])
  }

  private func publish(with mirror: Mirror) async throws {
    let head = try #require(ObjectID(hex: try work.head()))
    let note = try RefUpdate(ref: ref, .notes([head: Array("done\n".utf8)]), message: "Note")
    _ = try await mirror.publish(
      [note], author: Signature(name: "kdops", email: "kdops@example.invalid", seconds: 1_700_000_000),
      retry: RetryPolicy(sleep: { _ in }))
  }

  /// Locks the ref as a writer does that is killed before it has moved the ref.
  private func lock(_ path: String, age: TimeInterval) throws {
    let file = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data().write(to: file)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: path)
  }

  @Test("in the remote, a stale lock does not block a push, and a fresh one does")
  func remote() async throws {
    let mirror = try await mirror()
    _ = try await mirror.fetch("main")
    let path = "\(bare.path)/\(ref).lock"
    // A date in the future keeps it fresh, however slow the machine is.
    try lock(path, age: -3600)
    await #expect(throws: GitError.self) { try await publish(with: mirror) }
    #expect(FileManager.default.fileExists(atPath: path))
    try lock(path, age: TimeInterval(StaleLocks.minimumAge + 1))
    try await publish(with: mirror)
    #expect(try bare.git("notes", "--ref=kdops", "show", "main") == "done")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("in the mirror, any lock is removed when it is opened")
  func copy() async throws {
    _ = try await mirror().fetch("main")
    let tracking = Mirror.trackingRef("refs/heads/main")
    try lock("\(folder.path)/mirror/\(tracking).lock", age: 0)
    try lock("\(folder.path)/mirror/packed-refs.lock", age: 0)
    try work.commit(["a": "2"])
    try work.push()
    let again = try await mirror()
    #expect(try await again.fetch("main").new.hex == work.head())
    try await publish(with: again)
  }
}
