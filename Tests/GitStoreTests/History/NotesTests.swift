import GitStore
import TestSupport
import Testing

@Suite("The fan-out of notes")
struct NotesTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let mirror: Mirror
  private let ref = "refs/notes/kdops"
  private let author = Signature(name: "kdops", email: "kdops@example.invalid", seconds: 1_700_000_000)

  init() async throws {
    folder = try TemporaryFolder()
    bare = try TemporaryRepository(bare: true)
    mirror = try await Mirror.open(Remote(try GitURL(bare.path)), at: folder.path + "/mirror", refs: [ref])
  }

  private func publish(_ notes: [ObjectID: String?]) async throws {
    let changes = RefUpdate.Changes.notes(notes.mapValues { $0.map { Array($0.utf8) } })
    let update = try RefUpdate(ref: ref, changes, message: "Notes")
    _ = try await mirror.publish([update], author: author, retry: RetryPolicy(sleep: { _ in }))
  }

  /// Ids of objects that do not exist: notes do not require them.
  private func identifiers(_ count: Int) throws -> [ObjectID] {
    try (0..<count).map { try ObjectID.ofBlob(Array("commit \($0)".utf8)) }
  }

  @Test("600 notes are stored under two-digit folders, as git does, and git lists them all")
  func many() async throws {
    let ids = try identifiers(600)
    try await publish(Dictionary(uniqueKeysWithValues: ids.map { ($0, "note on \($0)") }))
    #expect(try bare.git("notes", "--ref=kdops", "list").split(separator: "\n").count == 600)
    let paths = try bare.git("ls-tree", "-r", "--name-only", ref).split(separator: "\n")
    #expect(paths.allSatisfy { $0.count == 41 && $0.dropFirst(2).first == "/" })
    #expect(try await mirror.repository.notes(ref: ref).count == 600)
    #expect(try await mirror.repository.note(on: ids[17], ref: ref) == Array("note on \(ids[17])".utf8))
    #expect(try await mirror.repository.note(on: ObjectID.ofBlob([]), ref: ref) == nil)
    #expect(try await mirror.repository.note(on: ids[17], ref: "refs/notes/none") == nil)
    try bare.git("fsck", "--full", "--strict")
  }

  @Test("a note that git wrote without fan-out is replaced, not duplicated")
  func flat() async throws {
    let work = try bare.clone()
    let first = try #require(ObjectID(hex: try work.commit(["a": "1"])))
    let second = try #require(ObjectID(hex: try work.commit(["a": "2"])))
    for commit in [first, second] { try work.git("notes", "--ref=kdops", "add", "-m", "flat", commit.hex) }
    try work.push("main", ref)
    _ = try await mirror.fetch("main")
    try await publish([first: "ours"])
    #expect(try bare.git("notes", "--ref=kdops", "show", first.hex) == "ours")
    #expect(try bare.git("notes", "--ref=kdops", "show", second.hex) == "flat")
    #expect(try bare.git("notes", "--ref=kdops", "list").split(separator: "\n").count == 2)
    try await publish([second: nil])
    #expect(try bare.git("notes", "--ref=kdops", "list").split(separator: "\n").count == 1)
    // git continues from the written ref.
    try work.git("fetch", "-q", "origin", "+\(ref):\(ref)")
    try work.git("notes", "--ref=kdops", "add", "-m", "git again", second.hex)
    #expect(try work.git("notes", "--ref=kdops", "show", first.hex) == "ours")
  }

  @Test("a tree with two levels of fan-out keeps them")
  func twice() async throws {
    let ids = try identifiers(3)
    let blob = try bare.git("hash-object", "-w", "--stdin", input: "deep")
    let hex = ids[0].hex
    let inner = try bare.git("mktree", input: "100644 blob \(blob)\t\(hex.dropFirst(4))\n")
    let middle = try bare.git("mktree", input: "040000 tree \(inner)\t\(hex.dropFirst(2).prefix(2))\n")
    let root = try bare.git("mktree", input: "040000 tree \(middle)\t\(hex.prefix(2))\n")
    let commit = try bare.git("commit-tree", root, "-m", "deep")
    try bare.git("update-ref", ref, commit)
    let neighbour = try #require(ObjectID(hex: hex.prefix(2) + ids[1].hex.dropFirst(2)))
    try await publish([ids[0]: "changed", neighbour: "beside", ids[2]: "elsewhere"])
    let paths = try bare.git("ls-tree", "-r", "--name-only", ref).split(separator: "\n").map(String.init)
    func fanned(_ id: ObjectID, _ times: Int) -> String {
      times == 0
        ? id.hex
        : times == 1
          ? "\(id.hex.prefix(2))/\(id.hex.dropFirst(2))"
          : "\(id.hex.prefix(2))/\(id.hex.dropFirst(2).prefix(2))/\(id.hex.dropFirst(4))"
    }
    #expect(Set(paths) == [fanned(ids[0], 2), fanned(neighbour, 2), fanned(ids[2], 1)])
    #expect(try bare.git("notes", "--ref=kdops", "show", ids[0].hex) == "changed")
    #expect(try bare.git("notes", "--ref=kdops", "list").split(separator: "\n").count == 3)
  }
}
