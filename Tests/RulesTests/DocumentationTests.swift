import Foundation
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
}
