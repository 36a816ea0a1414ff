import GitStore
import TestSupport
import Testing
import Values

@testable import kdops

@Suite("kdops version")
struct VersionCommandTests {
  @Test("prints the version, the commit of the build, and the loaded libgit2's version")
  func text() {
    #expect(
      VersionCommand.text(commit: "5cf89cb")
        == "kdops \(Kdops.version)\ncommit 5cf89cb\nlibgit2 \(GitLibrary.version)\n"
    )
    #expect(VersionCommand.text(commit: "").contains("\ncommit unknown\n"))
  }

  @Test("has the same as JSON, with null for an unknown commit")
  func json() throws {
    let schema = try OutputSchema("version")
    for commit in ["5cf89cb", ""] {
      let json = VersionCommand.json(commit: commit)
      #expect(json["commit"] == (commit.isEmpty ? .null : .string(commit)))
      #expect(schema.problems(of: json) == [])
    }
  }
}
