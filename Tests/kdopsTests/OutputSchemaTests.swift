import FoundationEssentials
import TestSupport
import Testing
import Values

/// The recorded outputs are those of other suites, which compare them with the program.
@Suite("docs/reference/schemas")
struct OutputSchemaTests {
  @Test(
    "name every member of the recorded outputs",
    arguments: [
      ("validate", "DiagnosticsTests/Golden/report.json"), ("diff", "ViewsTests/Golden/diff.json"),
      ("history", "ViewsTests/Golden/history.json"),
    ])
  func outputs(_ schema: String, _ path: String) throws {
    let output = try JSON.parse(Data(contentsOf: Project.file("Tests/\(path)")))
    #expect(try OutputSchema(schema).problems(of: output) == [])
  }

  @Test("name every member of the recorded plans")
  func plans() throws {
    let schema = try OutputSchema("plan")
    let folder = Project.file("Tests/PlanTests/Golden")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasSuffix(".json")
    }
    #expect(!names.isEmpty)
    for name in names {
      let plan = try JSON.parse(Data(contentsOf: folder.appending(path: name)))
      #expect(schema.problems(of: plan) == [], "\(name)")
    }
  }

  @Test("reject another output")
  func strict() throws {
    let schema = try OutputSchema("diff")
    let output: JSON = [
      "schemaVersion": 2, "head": "a", "same": "yes", "objects": [["kind": "x"]], "more": 1,
    ]
    #expect(
      schema.problems(of: output)
        == [
          ".unreadFiles is missing", ".schemaVersion: 2 is not listed",
          ".same: string instead of boolean", ".objects[0].namespace is missing",
          ".objects[0].name is missing", ".objects[0].state is missing", ".more is not in the schema",
        ])
  }
}
