import ArgumentParser
import TestSupport
import Testing
import Values

@testable import kdops

@Suite("docs/cli.md")
struct CommandPageTests {
  /// `KDOPS_RECORD=1` writes the page.
  @Test("matches the commands")
  func isCurrent() throws {
    let dump = try JSON.parse(Array(Kdops._dumpHelp().utf8))
    #expect(
      try GeneratedPage("docs/cli.md").matches(CommandPage.text(dump)),
      "docs/cli.md is stale; run this test once with KDOPS_RECORD=1")
  }
}
