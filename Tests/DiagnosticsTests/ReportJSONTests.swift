import Diagnostics
import Testing
import Values

@Suite("The JSON report")
struct ReportJSONTests {
  @Test("every documented member exists, in its order")
  func letter() throws {
    let spark = ObjectReference(kind: "KubeDirectorCluster", namespace: "default", name: "spark")
    let report = Report(
      base: "1111", head: "staged",
      status: .init(source: .tree, commit: "2222", cluster: "Kubernetes prod (1f2e3d4c)", problems: ["p"]),
      findings: [
        Diagnostic(
          rule: "upgrade/newer", severity: .error,
          location: SourceLocation(file: "clusters/spark.yaml", line: 7, column: 8, length: 5), object: spark,
          message: "m", hint: "h"),
        Diagnostic(rule: "app/in-use", severity: .waiting, message: "n"),
      ],
      objects: [.init(object: spark, change: .upgrade, verdict: .rejected)],
      notJudged: ["upgrade/configured"])
    try expectGolden(ReportJSON.render(report), "report.json")
  }

  @Test("an empty report has every member too")
  func empty() throws {
    let text = ReportJSON.json(Report(head: "worktree")).text()
    #expect(
      text
        == #"{"schemaVersion":1,"base":null,"head":"worktree","status":{"source":"none","commit":null,"cluster":null,"problems":[]},"#
        + #""findings":[],"objects":[],"notJudged":[]}"#)
  }

  @Test("findings are sorted by file, line, column and rule")
  func sorted() {
    func finding(_ rule: String, _ file: String, _ line: Int, _ column: Int) -> Diagnostic {
      Diagnostic(
        rule: rule, severity: .error, location: SourceLocation(file: file, line: line, column: column),
        message: rule)
    }
    let report = Report(
      head: "worktree",
      findings: [
        finding("e", "b", 1, 1), finding("d", "a", 10, 1), finding("c", "a", 9, 2), finding("b", "a", 9, 1),
        finding("a", "a", 9, 1),
      ])
    let rules = ReportJSON.json(report)["findings"]?.array?.compactMap { $0["rule"]?.string }
    #expect(rules == ["a", "b", "c", "d", "e"])
  }
}
