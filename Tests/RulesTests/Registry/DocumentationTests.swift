import Rules
import TestSupport
import Testing

@Suite("docs/rules.md")
struct DocumentationTests {
  /// `KDOPS_RECORD=1` writes the page anew.
  @Test("matches the rules")
  func isCurrent() throws {
    #expect(
      try GeneratedPage("docs/rules.md").matches(RuleDocumentation.text()),
      "docs/rules.md is stale; run the tests once with KDOPS_RECORD=1")
  }

  @Test("has a heading for every rule, with a description short enough for code hosts")
  func headings() throws {
    let text = try RuleDocumentation.text()
    for rule in RuleRegistry.help {
      let heading = "### `\(rule.id)`\n"
      #expect(text.contains(heading), "\(rule.id)")
      // GitHub truncates longer descriptions of rules.
      #expect(rule.summary.count + rule.rationale.count < 1024, "\(rule.id)")
    }
  }
}
