import Foundation
import GitStore
import TestSupport
import Testing
import Values

@Suite("Publishing status")
struct PublishTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let work: TemporaryRepository
  private let author = Signature(name: "kdops", email: "kdops@example.invalid", seconds: 1_700_000_000)
  private let notesRef = "refs/notes/kdops"
  private let statusRef = "refs/kdops/status"

  init() throws {
    folder = try TemporaryFolder()
    (bare, work) = try TemporaryRepository.pushed()
  }

  private func mirror(_ name: String = "mirror") async throws -> Mirror {
    try await Mirror.open(
      Remote(try GitURL(bare.path)), at: folder.path + "/" + name, refs: [notesRef, statusRef])
  }

  private func head() throws -> ObjectID { try #require(ObjectID(hex: try work.head())) }

  private func note(_ text: String, on commits: ObjectID...) throws -> RefUpdate {
    let notes = Dictionary(uniqueKeysWithValues: commits.map { ($0, Optional(Array(text.utf8))) })
    return try RefUpdate(ref: notesRef, .notes(notes), message: "Note")
  }

  /// Does not sleep.
  private let retry = RetryPolicy(sleep: { _ in })

  @Test("git reads the notes by log, list and show; fsck finds nothing wrong")
  func notes() async throws {
    let mirror = try await mirror()
    _ = try await mirror.fetch("main")
    let result = try await mirror.publish([try note("upgrading\n", on: head())], author: author, retry: retry)
    #expect(result.attempts == 1 && Array(result.commits.keys) == [notesRef])
    #expect(try bare.git("log", "--notes=kdops", "-1", "main").contains("upgrading"))
    #expect(try bare.git("notes", "--ref=kdops", "show", "main") == "upgrading")
    #expect(try bare.git("notes", "--ref=kdops", "list").hasSuffix(" " + work.head()))
    #expect(try bare.git("log", "-1", "--format=%an %s", notesRef) == "kdops Note")
    try bare.git("fsck", "--full", "--strict")
    #expect(try await mirror.repository.note(on: head(), ref: notesRef) == Array("upgrading\n".utf8))
  }

  @Test("the status tree has one small file per cluster; removing a file removes its folder")
  func statusTree() async throws {
    let mirror = try await mirror()
    func files(_ files: [String: String?]) throws -> RefUpdate {
      try RefUpdate(ref: statusRef, .files(files.mapValues { $0.map { Array($0.utf8) } }), message: "Status")
    }
    let both = try files(["default/a.yaml": "state: configured\n", "prod/b.yaml": "state: updating\n"])
    _ = try await mirror.publish([both], author: author, retry: retry)
    #expect(try bare.git("ls-tree", "-r", "--name-only", statusRef) == "default/a.yaml\nprod/b.yaml")
    _ = try await mirror.publish([try files(["prod/b.yaml": nil])], author: author, retry: retry)
    #expect(try bare.git("ls-tree", "-r", "--name-only", statusRef) == "default/a.yaml")
    #expect(try bare.git("rev-list", "--count", statusRef) == "2")
    _ = try await mirror.publish([try files(["default/a.yaml": nil])], author: author, retry: retry)
    #expect(try bare.git("ls-tree", "-r", "--name-only", statusRef) == "")
    try bare.git("fsck", "--full", "--strict")
  }

  @Test("unchanged content is neither committed nor pushed")
  func unchanged() async throws {
    let mirror = try await mirror()
    let update = try note("done", on: head())
    let first = try await mirror.publish([update], author: author, retry: retry)
    let second = try await mirror.publish([update], author: author, retry: retry)
    #expect(second == PublishResult(commits: [:], attempts: 0))
    #expect(try bare.head(notesRef) == first.commits[notesRef]?.hex)
    let nothing = try RefUpdate(ref: notesRef, .notes([ObjectID.ofBlob([1]): nil]), message: "x")
    #expect(try await mirror.publish([nothing], author: author, retry: retry).commits.isEmpty)
    let fresh = try RefUpdate(ref: "refs/notes/other", .notes([try head(): nil]), message: "x")
    #expect(try await mirror.publish([fresh], author: author, retry: retry).attempts == 0)
  }

  @Test("two writers in parallel: the notes of both arrive, and those of others on other commits stay")
  func twoWriters() async throws {
    let commits = try (0..<12).map { number in
      try #require(ObjectID(hex: try work.commit(["a": "\(number + 2)"])))
    }
    try work.push()
    let (one, two) = (try await mirror("one"), try await mirror("two"))
    for mirror in [one, two] { _ = try await mirror.fetch("main") }
    let many = RetryPolicy(attempts: 100, sleep: { _ in await Task.yield() })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (mirror, half, name) in [(one, commits[..<6], "one"), (two, commits[6...], "two")] {
        group.addTask {
          for commit in half {
            _ = try await mirror.publish([try note(name, on: commit)], author: author, retry: many)
          }
        }
      }
      try await group.waitForAll()
    }
    let listed = try bare.git("notes", "--ref=kdops", "list").split(separator: "\n")
    #expect(listed.count == 12)
    for (index, commit) in commits.enumerated() {
      #expect(try bare.git("notes", "--ref=kdops", "show", commit.hex) == (index < 6 ? "one" : "two"))
    }
    #expect(try bare.git("rev-list", "--count", notesRef) == "12")
    try bare.git("fsck", "--full", "--strict")
  }

  @Test("if another writer pushed first, its state is fetched, and the push is repeated on top after a delay")
  func mergeRetry() async throws {
    let mirror = try await mirror()
    let first = try head()
    let second = try #require(ObjectID(hex: try work.commit(["a": "2"])))
    try work.push()
    _ = try await mirror.publish([try note("ours, early", on: first)], author: author, retry: retry)
    try work.git("fetch", "-q", "origin", "\(notesRef):\(notesRef)")
    try work.git("notes", "--ref=kdops", "add", "-f", "-m", "theirs", first.hex)
    try work.git("notes", "--ref=kdops", "add", "-m", "theirs too", second.hex)
    try work.push(notesRef)
    let waits = Waits()
    let counting = RetryPolicy(backoff: Backoff(first: .seconds(8), limit: .seconds(8))) {
      await waits.add($0)
    }
    let result = try await mirror.publish(
      [try note("ours, late", on: first)], author: author, retry: counting)
    #expect(result.attempts == 2)
    let waited = await waits.all
    #expect(waited.count == 1 && waited.allSatisfy { $0 >= .seconds(4) && $0 <= .seconds(8) })
    #expect(try bare.git("notes", "--ref=kdops", "show", first.hex) == "ours, late")
    #expect(try bare.git("notes", "--ref=kdops", "show", second.hex) == "theirs too")
    #expect(try bare.git("rev-list", "--count", notesRef) == "4")
  }

  @Test("a push that a hook rejects is an error with the hook's message, and nothing is forced")
  func refused() async throws {
    let mirror = try await mirror()
    try bare.setHook("pre-receive", "cat >/dev/null; echo no notes here >&2; exit 1")
    let waits = Waits()
    let error = await #expect(throws: GitError.self) {
      try await mirror.publish(
        [try note("x", on: head())], author: author, retry: RetryPolicy { await waits.add($0) })
    }
    #expect(error?.kind == .rejectedPush)
    #expect(error?.isTransient == false)
    #expect(error?.message.contains("no notes here") == true)
    #expect(await waits.all.isEmpty)
    #expect(try bare.git("for-each-ref", "refs/notes") == "")
    // Once the hook allows it, the same call succeeds.
    try bare.setHook("pre-receive", "while read old new ref; do echo $ref >> seen; done")
    try bare.setHook("update", "test $1 = \(notesRef)")
    try bare.setHook("post-receive", "cat > received")
    _ = try await mirror.publish([try note("x", on: head())], author: author, retry: retry)
    #expect(try String(contentsOfFile: bare.path + "/seen", encoding: .utf8) == notesRef + "\n")
    #expect(try String(contentsOfFile: bare.path + "/received", encoding: .utf8).hasSuffix(notesRef + "\n"))
    let status = try RefUpdate(ref: statusRef, .files(["a": [1]]), message: "x")
    let second = await #expect(throws: GitError.self) {
      try await mirror.publish([status, try note("y", on: head())], author: author, retry: retry)
    }
    #expect(second?.kind == .rejectedPush)
    #expect(try bare.git("notes", "--ref=kdops", "show", "main") == "y")
    #expect(try bare.git("for-each-ref", "refs/kdops") == "")
  }

  @Test("a hook that hangs is killed")
  func endlessHook() async throws {
    var remote = Remote(try GitURL(bare.path))
    remote.limits.stall = .milliseconds(300)
    let mirror = try await Mirror.open(remote, at: folder.path + "/mirror")
    try bare.setHook("pre-receive", "sleep 1000 & sleep 1000")
    let error = await #expect(throws: GitError.self) {
      try await mirror.publish([try note("x", on: head())], author: author, retry: retry)
    }
    #expect(error?.kind == .rejectedPush)
  }

  @Test(
    "status is pushed to its own refs only",
    arguments: [
      "refs/heads/main", "refs/tags/v1", "HEAD", "refs/heads/kdopsx", "refs/notes/",
      "refs/kdops/remote/heads/main",
      "refs/notes/../heads/main", "refs/notes/a b", "refs/notes/x.lock",
    ])
  func foreignRefs(ref: String) throws {
    #expect(throws: GitError.self) { try RefUpdate(ref: ref, .files([:]), message: "x") }
    for good in [notesRef, statusRef, "refs/heads/kdops/status", "refs/notes/kdops-blue"] {
      #expect(try RefUpdate(ref: good, .files([:]), message: "x").ref == good)
    }
  }

  @Test("a status above the size limit is not written")
  func bounded() throws {
    let long = [UInt8](repeating: 0x61, count: RefUpdate.contentLimit + 1)
    #expect(throws: GitError.self) { try RefUpdate(ref: statusRef, .files(["a": long]), message: "x") }
  }

  @Test("pushing to a repository with a work tree leaves its files unchanged")
  func workTreeRemote() async throws {
    let mirror = try await Mirror.open(Remote(try GitURL(work.path)), at: folder.path + "/mirror")
    _ = try await mirror.publish([try note("x", on: head())], author: author, retry: retry)
    #expect(try work.git("notes", "--ref=kdops", "show", "HEAD") == "x")
    #expect(try work.git("status", "--porcelain") == "")
    try work.git("checkout", "-q", "-b", "kdops/status")
    let update = try RefUpdate(ref: "refs/heads/kdops/status", .files(["a": [1]]), message: "x")
    let error = await #expect(throws: GitError.self) {
      try await mirror.publish([update], author: author, retry: retry)
    }
    // The branch exists already, so it is fetched first; then the push finds that it is checked out.
    #expect(error?.kind == .rejectedPush)
  }

  @Test("a revert is committed on top of the fetched branch, and refused if the branch has moved")
  func pushCommit() async throws {
    try work.commit(["a": "broken", "new": "x"])
    try work.push()
    let mirror = try await mirror()
    let head = try await mirror.fetch("main").new
    let commit = try await mirror.pushCommit(
      to: "main", onto: head, ["a": Array("1".utf8), "new": nil], message: "Take back", author: author)
    #expect(try bare.head("main") == commit.hex)
    #expect(try bare.git("diff", "--name-status", "main~2", "main") == "")
    #expect(try await mirror.known("refs/heads/main") == commit)
    let late = await #expect(throws: GitError.self) {
      try await mirror.pushCommit(to: "main", onto: head, ["a": [1]], message: "Late", author: author)
    }
    #expect(late?.kind == .conflict)
    #expect(try bare.head("main") == commit.hex)
  }
}

/// Records the delays instead of sleeping.
actor Waits {
  private(set) var all: [Duration] = []

  func add(_ duration: Duration) { all.append(duration) }
}
