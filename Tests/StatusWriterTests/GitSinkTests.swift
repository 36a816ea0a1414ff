import GitStore
import Manifests
import Reports
import StatusWriter
import TestSupport
import Testing

@Suite("Writing statuses to a repository")
struct GitSinkTests {
  private let remote: TemporaryRepository
  private let work: TemporaryRepository
  private let folder: TemporaryFolder
  private let commit: String
  private let refs = StatusRefs(
    notes: "refs/notes/kdops", tree: "refs/kdops/status", branch: "refs/heads/kdops/status")

  init() throws {
    remote = try TemporaryRepository(bare: true)
    work = try remote.clone()
    commit = try work.commit(["clusters/prod/a.yaml": "kind: KubeDirectorCluster\n"], "Add a")
    try work.push()
    folder = try TemporaryFolder()
  }

  private func sink(_ refs: StatusRefs) async throws -> GitSink { try await writer(refs).sink }

  /// A sink and the mirror that it writes to, with this cluster as owner, or without an owner.
  private func writer(
    _ refs: StatusRefs, of owner: StatusOwner? = nil, takesOver: Bool = false
  ) async throws -> (sink: GitSink, mirror: Mirror) {
    let mirror = try await Mirror.open(
      Remote(GitURL(remote.path)), at: "\(folder.path)/mirror-\(owner?.id ?? "")", refs: refs.all)
    _ = try await mirror.fetch("main")
    let ownership = owner.map { owner in
      StatusOwnership(owner, takesOver: takesOver) { SettingsFile(path: "x.yaml", bytes: $0).json }
    }
    return (GitSink(mirror: mirror, refs: refs, ownership: ownership) { 1_704_067_200 }, mirror)
  }

  private let prod = StatusOwner(id: "1f2e3d4c-0000", name: "embedded cluster prod on a", place: "p")
  private let laptop = StatusOwner(id: "9a8b7c6d-0000", name: "embedded cluster laptop on b", place: "q")
  private func batch(_ text: String) -> StatusBatch {
    StatusBatch(notes: [commit: "\(text)\n"], files: ["prod/a.yaml": Array("app: \(text)\n".utf8)])
  }
  private var refsThere: String {
    get throws {
      try remote.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/kdops", "refs/notes")
    }
  }

  @Test("invalid objects in the status tree do not prevent notes from being written")
  func rubbishTree() async throws {
    let tree = try remote.git("mktree", input: "040000 tree \(try remote.twofold())\tprod\n")
    try remote.git("update-ref", "refs/kdops/status", try remote.git("commit-tree", tree, "-m", "x"))
    var one = batch("one")
    one.keeping = ["prod/a.yaml"]
    let (writer, content) = (try await sink(refs), one)
    let error = await #expect(throws: GitError.self) { try await writer.publish(content) }
    #expect(error?.kind == .malformed)
    #expect(try remote.git("notes", "--ref=kdops", "show", commit) == "one")
    #expect(try remote.git("show", "refs/heads/kdops/status:prod/a.yaml") == "app: one")
  }

  @Test("folders nested below the status tree by others are not traversed")
  func treeBomb() async throws {
    let status = try remote.git("commit-tree", try remote.bomb(), "-m", "x")
    try remote.git("update-ref", "refs/kdops/status", status)
    var one = batch("one")
    one.keeping = ["prod/a.yaml"]
    try await sink(refs).publish(one)
    #expect(try remote.git("show", "refs/kdops/status:prod/a.yaml") == "app: one")
  }

  @Test("the status of another cluster is not overwritten, and the error names its owner and the fix")
  func otherCluster() async throws {
    try await writer(refs, of: prod).sink.publish(batch("prod"))
    let before = try refsThere
    let error = await #expect(throws: GitError.self) {
      try await writer(refs, of: laptop).sink.publish(batch("laptop"))
    }
    #expect(error?.kind == .otherWriter)
    #expect(error?.message.contains("embedded cluster prod on a (1f2e3d4c)") == true)
    #expect(error?.hint?.contains("--installation NAME") == true)
    #expect(error?.hint?.contains("--take-over-status") == true)
    #expect(try refsThere == before)
  }

  @Test("a publication detects the owner of the status")
  func standing() async throws {
    func publish(_ owner: StatusOwner) async throws -> StatusOwnership {
      let mirror = try await Mirror.open(
        Remote(GitURL(remote.path)), at: "\(folder.path)/mirror-\(owner.id)", refs: refs.all)
      _ = try await mirror.fetch("main")
      let ownership = StatusOwnership(owner) { SettingsFile(path: "x.yaml", bytes: $0).json }
      guard case .unknown = ownership.standing else { throw GitError(.other, "it is known already") }
      let sink = GitSink(mirror: mirror, refs: refs, ownership: ownership) { 1_704_067_200 }
      _ = try? await sink.publish(batch(owner.name))
      return ownership
    }
    guard case .own = try await publish(prod).standing else {
      throw GitError(.other, "the first cluster's status is not its own")
    }
    guard case .foreign(let refusal) = try await publish(laptop).standing else {
      throw GitError(.other, "the status of another cluster is not foreign")
    }
    #expect(refusal.contains("--installation NAME"))
  }

  @Test("a file with a hostile name in the status tree stays and blocks nothing")
  func hostileName() async throws {
    let refs = StatusRefs(notes: nil, tree: "refs/kdops/status", branch: nil)
    let blob = try remote.git("hash-object", "-w", "--stdin", input: "x")
    let lines = ["a\u{1}.yaml", "old.yaml"].map { "100644 blob \(blob)\t\($0)\0" }.joined()
    let folder = try remote.git("mktree", "-z", input: lines)
    let tree = try remote.git("mktree", input: "040000 tree \(folder)\tprod\n")
    try remote.git("update-ref", "refs/kdops/status", try remote.git("commit-tree", tree, "-m", "hostile"))
    var batch = batch("1")
    batch.keeping = ["prod/a.yaml"]
    try await sink(refs).publish(batch)
    let names = try remote.git("ls-tree", "-r", "-z", "--name-only", "refs/kdops/status").split(
      separator: "\0")
    #expect(names == ["prod/a\u{1}.yaml", "prod/a.yaml"])
  }

  @Test("a cluster that lost the race for the first status is refused too")
  func lostRace() async throws {
    let late = try await writer(refs, of: laptop)
    try await writer(refs, of: prod).sink.publish(batch("prod"))
    let before = try refsThere
    await #expect(throws: GitError.self) { try await late.sink.publish(batch("laptop")) }
    #expect(try refsThere == before)
  }

  @Test("a status of an older version, without a cluster, is taken over")
  func unnamed() async throws {
    try await sink(refs).publish(batch("older"))
    try await writer(refs, of: prod).sink.publish(batch("prod"))
    #expect(try remote.git("show", "refs/kdops/status:prod/a.yaml") == "app: prod")
    #expect(try remote.git("show", "refs/kdops/status:writer.yaml").contains("id: 1f2e3d4c-0000"))
  }

  @Test("a cluster that was created again in the same place continues its status")
  func samePlace() async throws {
    try await writer(refs, of: prod).sink.publish(batch("prod"))
    let anew = StatusOwner(id: "0000", name: prod.name, place: prod.place)
    try await writer(refs, of: anew).sink.publish(batch("anew"))
    #expect(try remote.git("show", "refs/kdops/status:writer.yaml").contains("0000"))
  }

  @Test(
    "a sink with takesOver takes the status over once; from then on each owner excludes the other")
  func takingOver() async throws {
    let old = try await writer(refs, of: prod)
    try await old.sink.publish(batch("prod"))
    let new = try await writer(refs, of: laptop, takesOver: true)
    try await new.sink.publish(batch("laptop"))
    #expect(try remote.git("show", "refs/kdops/status:prod/a.yaml") == "app: laptop")
    await #expect(throws: GitError.self) { try await old.sink.publish(batch("again")) }
    try await new.sink.publish(batch("laptop again"))
    try await writer(refs, of: prod, takesOver: true).sink.publish(batch("back"))
    await #expect(throws: GitError.self) { try await new.sink.publish(batch("laptop once more")) }
    #expect(try remote.git("show", "refs/kdops/status:prod/a.yaml") == "app: back")
  }

  @Test("without a tree each note contains its cluster")
  func notesAlone() async throws {
    let refs = StatusRefs(notes: "refs/notes/kdops", tree: nil)
    let report = CommitReport(commit: commit, objects: [])
    let note = NoteText.render(report, of: prod)
    try await writer(refs, of: prod).sink.publish(StatusBatch(notes: [commit: note]))
    let other = try await writer(refs, of: laptop).sink
    await #expect(throws: GitError.self) { try await other.publish(StatusBatch(notes: [commit: "laptop\n"])) }
    let id = try #require(ObjectID(hex: commit))
    #expect(await other.note(on: id) == nil)
    #expect(try await writer(refs, of: prod).sink.note(on: id) == note)
  }

  @Test("changes by another writer are detected once, at the next fetch")
  func overwritten() async throws {
    let (sink, mirror) = try await writer(refs, of: prod)
    try await sink.publish(batch("prod"))
    _ = try await mirror.fetch("main")
    #expect(await !sink.isOverwritten())
    try await self.sink(refs).publish(batch("older"))
    _ = try await mirror.fetch("main")
    #expect(await sink.isOverwritten())
    #expect(await !sink.isOverwritten())
    try await sink.publish(batch("prod"))
    #expect(try remote.git("show", "refs/kdops/status:prod/a.yaml") == "app: prod")
    _ = try remote.git("update-ref", "-d", "refs/kdops/status")
    _ = try await mirror.fetch("main")
    #expect(await sink.isOverwritten())
  }

  @Test("git log shows the note, and the tree and the branch contain the same files")
  func shown() async throws {
    let sink = try await sink(refs)
    let file = ClusterFile(namespace: "prod", name: "a", status: Sample.configured)
    try await sink.publish(
      StatusBatch(notes: [commit: "done: prod/a\n\nphase: done\n"], files: ["prod/a.yaml": file.bytes]))
    #expect(try remote.git("log", "--notes=kdops", "-1", "--format=%N", "main").hasPrefix("done: prod/a\n\n"))
    for ref in ["refs/kdops/status", "refs/heads/kdops/status"] {
      #expect(try remote.git("show", "\(ref):prod/a.yaml").hasPrefix("schemaVersion: 1\n"))
    }
    #expect(try remote.git("log", "-1", "--format=%B", "refs/heads/kdops/status").contains("[skip ci]"))
    #expect(try !remote.git("log", "-1", "--format=%B", "refs/kdops/status").contains("[skip ci]"))
  }

  @Test("unchanged content makes no commit")
  func unchanged() async throws {
    let sink = try await sink(refs)
    let batch = StatusBatch(notes: [commit: "note\n"], files: ["prod/a.yaml": Array("app: x\n".utf8)])
    try await sink.publish(batch)
    try await sink.publish(batch)
    #expect(try remote.git("rev-list", "--count", "refs/notes/kdops") == "1")
    #expect(try remote.git("rev-list", "--count", "refs/kdops/status") == "1")
  }

  @Test("files of deleted clusters are removed, others stay")
  func wholeTree() async throws {
    let sink = try await sink(refs)
    try await sink.publish(StatusBatch(files: ["old/x.yaml": [1], "prod/a.yaml": [2], "prod/b.yaml": [3]]))
    try await sink.publish(StatusBatch(files: ["new/c.yaml": [4]], keeping: ["prod/a.yaml"]))
    #expect(
      try remote.git("ls-tree", "-r", "--name-only", "refs/kdops/status") == "new/c.yaml\nprod/a.yaml")
    try await sink.publish(StatusBatch(keeping: ["new/c.yaml", "prod/a.yaml"]))
    #expect(try remote.git("rev-list", "--count", "refs/kdops/status") == "2")
  }

  @Test("installations on one repository write independently")
  func installations() async throws {
    let blue = try await sink(refs.suffixed("blue"))
    try await blue.publish(StatusBatch(notes: [commit: "blue\n"]))
    #expect(try remote.git("log", "--notes=kdops-blue", "-1", "--format=%N", "main") == "blue\n")
    #expect(refs.suffixed("default") == refs)
  }

  @Test("a disabled kind is not written")
  func off() async throws {
    let sink = try await sink(StatusRefs(notes: nil, tree: "refs/kdops/status"))
    try await sink.publish(StatusBatch(notes: [commit: "note\n"], files: ["prod/a.yaml": [1]]))
    #expect(try remote.git("for-each-ref", "--format=%(refname)") == "refs/heads/main\nrefs/kdops/status")
  }
}
