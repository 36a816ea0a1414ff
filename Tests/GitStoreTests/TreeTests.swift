import GitStore
import TestSupport
import Testing

@Suite("Trees")
struct TreeTests {
  @Test("a commit's tree is listed by path, with the ids that git gives")
  func listing() async throws {
    let work = try TemporaryRepository()
    let head = try work.commit(["apps/spark.json": "{}", "clusters/prod/a.yaml": "a: 1\n", "README.md": "x"])
    try work.git("update-index", "--chmod=+x", "README.md")
    try work.git("commit", "-q", "-m", "x")
    let repository = try await GitRepository.open(path: work.path)
    let commit = try await repository.resolve("HEAD")
    let entries = try await repository.tree(at: commit)
    #expect(entries.map(\.path) == ["README.md", "apps/spark.json", "clusters/prod/a.yaml"])
    #expect(entries[0].kind == .file(executable: true))
    #expect(try entries[1].id.hex == work.head("HEAD:apps/spark.json"))
    let selected = try await repository.tree(at: commit, try PathSelection(patterns: ["clusters/**"]))
    #expect(selected.map(\.path) == ["clusters/prod/a.yaml"])
    #expect(try await repository.blob(selected[0].id) == Array("a: 1\n".utf8))
    #expect(try await repository.resolve("HEAD~1").hex == head)
  }
}
