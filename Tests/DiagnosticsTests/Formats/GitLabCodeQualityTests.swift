import Diagnostics
import Testing
import Values

@Suite("GitLab's code quality")
struct GitLabCodeQualityTests {
  @Test("a report matches the golden file, whatever texts it contains")
  func golden() throws {
    try expectGolden(GitLabCodeQuality.render(HostileReport.report), "report.gitlab.json")
  }

  @Test("an empty report is an empty list")
  func empty() {
    #expect(GitLabCodeQuality.render(Report(head: "worktree")) == "[]\n")
  }

  @Test("every entry has the members that GitLab requires")
  func members() {
    let entries = GitLabCodeQuality.json(HostileReport.report).array ?? []
    for entry in entries {
      #expect(entry["description"]?.string?.isEmpty == false)
      #expect(["critical", "info", "minor"].contains(entry["severity"]?.string))
      #expect(entry["location"]?["path"]?.string?.isEmpty == false)
      #expect((entry["location"]?["lines"]?["begin"]?.integer ?? 0) > 0)
    }
    #expect(Set(entries.compactMap { $0["fingerprint"]?.string }).count == entries.count)
  }
}
