import GitStore
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

  private func sink(_ refs: StatusRefs) async throws -> GitSink {
    let mirror = try await Mirror.open(
      Remote(GitURL(remote.path)), at: folder.path + "/mirror", refs: refs.all)
    _ = try await mirror.fetch("main")
    return GitSink(mirror: mirror, refs: refs) { 1_704_067_200 }
  }

  @Test("a note is shown by git log, the tree and the branch hold the same files")
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

  @Test("what is there already makes no new commit")
  func unchanged() async throws {
    let sink = try await sink(refs)
    let batch = StatusBatch(notes: [commit: "note\n"], files: ["prod/a.yaml": Array("app: x\n".utf8)])
    try await sink.publish(batch)
    try await sink.publish(batch)
    #expect(try remote.git("rev-list", "--count", "refs/notes/kdops") == "1")
    #expect(try remote.git("rev-list", "--count", "refs/kdops/status") == "1")
  }

  @Test("files of clusters that are no more go, others stay")
  func wholeTree() async throws {
    let sink = try await sink(refs)
    try await sink.publish(StatusBatch(files: ["old/x.yaml": [1], "prod/a.yaml": [2], "prod/b.yaml": [3]]))
    try await sink.publish(StatusBatch(files: ["new/c.yaml": [4]], keeping: ["prod/a.yaml"]))
    #expect(
      try remote.git("ls-tree", "-r", "--name-only", "refs/kdops/status") == "new/c.yaml\nprod/a.yaml")
    try await sink.publish(StatusBatch(keeping: ["new/c.yaml", "prod/a.yaml"]))
    #expect(try remote.git("rev-list", "--count", "refs/kdops/status") == "2")
  }

  @Test("installations on one repository write beside each other")
  func installations() async throws {
    let blue = try await sink(refs.suffixed("blue"))
    try await blue.publish(StatusBatch(notes: [commit: "blue\n"]))
    #expect(try remote.git("log", "--notes=kdops-blue", "-1", "--format=%N", "main") == "blue\n")
    #expect(refs.suffixed("default") == refs)
  }

  @Test("a kind that is switched off is not written")
  func off() async throws {
    let sink = try await sink(StatusRefs(notes: nil, tree: "refs/kdops/status"))
    try await sink.publish(StatusBatch(notes: [commit: "note\n"], files: ["prod/a.yaml": [1]]))
    #expect(try remote.git("for-each-ref", "--format=%(refname)") == "refs/heads/main\nrefs/kdops/status")
  }
}
