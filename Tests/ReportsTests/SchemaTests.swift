import FoundationEssentials
import Manifests
import Reports
import TestSupport
import Testing
import Values

@Suite("docs/reference/schemas of notes and of the status tree")
struct SchemaTests {
  private func recorded(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: Project.file("Tests/ReportsTests/Golden/\(name)")), as: UTF8.self)
  }

  private func read(_ yaml: Substring) throws -> JSON {
    let file = SettingsFile(path: "file", bytes: Array(yaml.utf8))
    #expect(file.findings.isEmpty)
    return try #require(file.json)
  }

  @Test("name every member of the recorded notes", arguments: ["note.txt", "note-done.txt"])
  func note(_ name: String) throws {
    let body = try #require(NoteText.body(of: recorded(name)))
    #expect(try OutputSchema("note").problems(of: read(body)) == [])
  }

  @Test("name every member of the recorded file of the status tree")
  func tree() throws {
    let file = try read(recorded("cluster.yaml")[...])
    #expect(try OutputSchema("status-tree").problems(of: file) == [])
  }
}
