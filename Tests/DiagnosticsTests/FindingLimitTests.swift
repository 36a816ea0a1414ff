import Diagnostics
import Testing

@Suite("Limits on findings")
struct FindingLimitTests {
  private func finding(_ line: Int, _ severity: Severity, file: String = "a.yaml") -> Diagnostic {
    Diagnostic(
      rule: "x/y", severity: severity, location: SourceLocation(file: file, line: line), message: "m\(line)")
  }

  @Test("of a file are cut to the worst, and one more counts the rest with the same severity")
  func perFile() throws {
    let warnings = (1...200).map { finding($0, .warning) }
    let errors = (201...205).map { finding($0, .error) }
    let shown = (warnings + errors + [finding(1, .warning, file: "b.yaml")]).inReportOrder(perFile: 100)
    #expect(shown.count { $0.location?.file == "a.yaml" } == 101)
    #expect(shown.count { $0.severity == .error } == 5)
    let more = try #require(shown.first { $0.rule == FindingLimit.rule })
    #expect(more.severity == .warning)
    #expect(more.message == "a.yaml has 105 more findings, which are not shown")
    #expect(shown == shown.inReportOrder())
  }

  @Test("never hide that there is an error")
  func error() {
    let shown = (1...300).map { finding($0, .error) }.inReportOrder(perFile: 100)
    #expect(shown.filter { $0.rule == FindingLimit.rule }.map(\.severity) == [.error])
  }

  @Test("of a run are cut to the worst, and the last one counts the rest")
  func total() throws {
    let warnings = (1...40).map { finding(1, .warning, file: "a\($0).yaml") }
    let errors = (1...5).map { finding(1, .error, file: "b\($0).yaml") }
    let shown = (warnings + errors).inReportOrder(perFile: 100, total: 10)
    #expect(shown.count == 11 && shown.count { $0.severity == .error } == 5)
    #expect(shown.last?.rule == FindingLimit.rule && shown.last?.severity == .warning)
    #expect(shown.last?.message == "the report has 35 more findings, which are not shown")
    #expect(shown.dropLast() == shown.dropLast().inReportOrder()[...])
  }

  @Test("within the limit are unchanged")
  func few() {
    let findings = (1...100).map { finding($0, .warning) }
    #expect(findings.inReportOrder(perFile: 100) == findings)
  }

  @Test("without a file are all shown")
  func noFile() {
    let findings = (1...300).map { Diagnostic(rule: "x/y", severity: .error, message: "\($0)") }
    #expect(findings.inReportOrder(perFile: 100).count == 300)
  }
}
