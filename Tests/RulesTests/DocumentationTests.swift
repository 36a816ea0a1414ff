import Foundation
import Rules
import Testing

@Suite("docs/rules.md")
struct DocumentationTests {
  /// `KDOPS_RECORD=1` writes the page anew.
  @Test("says what the rules say")
  func isCurrent() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/rules.md")
    let wanted = try RuleDocumentation.text()
    if ProcessInfo.processInfo.environment["KDOPS_RECORD"] == "1" {
      try wanted.write(to: page, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: page, encoding: .utf8)
    #expect(written == wanted, "docs/rules.md is stale; run the tests once with KDOPS_RECORD=1")
  }

  @Test("every rule has a heading there, and reports tell no more of it than code hosts show")
  func headings() throws {
    let text = try RuleDocumentation.text()
    for rule in RuleRegistry.help {
      let heading = "### `\(rule.id)`\n"
      #expect(text.contains(heading), "\(rule.id)")
      // GitHub cuts descriptions of rules there.
      #expect(rule.summary.count + rule.rationale.count < 1024, "\(rule.id)")
    }
  }
}
