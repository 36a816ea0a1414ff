import Diagnostics
import Testing

@Suite("Annotations of GitHub Actions")
struct GitHubAnnotationsTests {
  private func line(_ finding: Diagnostic) -> String {
    let lines = GitHubAnnotations.render(Report(head: "staged", findings: [finding])).split(separator: "\n")
    return String(lines[0])
  }

  @Test("a report matches the golden file, whatever texts it contains")
  func golden() throws {
    try expectGolden(GitHubAnnotations.render(HostileReport.report), "report.github.txt")
  }

  @Test("a finding is a command of its severity, and a waiting change is a notice")
  func words() {
    #expect(
      line(HostileReport.finding("x/y", .error, "a.yaml", 7, 8, 11, hint: "do that"))
        == "::error file=a.yaml,line=7,col=8,endColumn=19,title=x/y::this is wrong. Help: do that.")
    #expect(line(HostileReport.finding("x/y", .waiting)) == "::notice title=x/y::this is wrong.")
    #expect(line(HostileReport.finding("x/y", .warning)) == "::warning title=x/y::this is wrong.")
  }

  @Test("characters that would end a property or a line are escaped, and `%` first")
  func escapes() {
    let finding = HostileReport.finding("x/y", .error, "a,b:c%2C\n.yaml", message: "50%: a, b")
    #expect(line(finding).hasPrefix("::error file=a%2Cb%3Ac%252C%0A.yaml,line=1,"))
    #expect(line(finding).hasSuffix("::50%25: a, b."))
  }

  @Test("a combining mark after a special character does not prevent its escape")
  func combiningMarks() {
    let file = HostileReport.finding("x/y", .error, "a:\u{301}:\u{301}b,\u{301}title=z.yaml")
    let properties = line(file).dropFirst("::error file=".count).unicodeScalars.prefix { $0 != "," }
    #expect(!properties.contains(":") && properties.count > "a%3A%3Ab%2Ctitle=z.yaml".count)
  }

  @Test("text from a file cannot start a command")
  func injection() {
    let text = GitHubAnnotations.render(HostileReport.report)
    for line in text.split(whereSeparator: \.isNewline).dropLast() {
      #expect(["::error ", "::notice ", "::warning "].contains { line.hasPrefix($0) })
    }
    #expect(
      text.split(whereSeparator: \.isNewline).count == HostileReport.report.findings.count + 1)
  }
}
