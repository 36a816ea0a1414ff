import Diagnostics
import Testing
import Values

@Suite("Text for the log of a CI job")
struct JobLogTests {
  @Test(
    "contains no command that a runner executes",
    arguments: [
      ("::error::x", ": :error::x"), ("  \t::set-env name=A::b", "  \t: :set-env name=A::b"),
      ("\u{A0}::add-mask::x", "\u{A0}: :add-mask::x"), ("\u{2003}::debug::x", "\u{2003}: :debug::x"),
      ("a\n::stop-commands::x\n::b", "a\n: :stop-commands::x\n: :b"), ("::::", ": :::"),
      ("| ##[error]x", "| # #[error]x"), ("###[group]", "## #[group]"),
      ("##vso[task.setvariable variable=A]b", "# #vso[task.setvariable variable=A]b"),
      ("##teamcity[x]", "# #teamcity[x]"), ("##set-output[a]", "# #set-output[a]"),
      ("section_start:0:a\r\u{1B}[0K", "section_start :0:a\u{240D}\u{241B}[0K"),
      ("x section_end:12:a", "x section_end :12:a"),
    ])
  func broken(text: String, shown: String) {
    #expect(JobLog.inert(text) == shown)
  }

  @Test("contains no control characters, and only the colours of kdops if it is styled")
  func controls() {
    #expect(JobLog.inert("a\rb\u{8}\u{7}\u{9B}31m\u{7F}") == "a\u{240D}b\u{2408}\u{2407}\u{FFFD}31m\u{2421}")
    let coloured = "\u{1B}[1;31merror\u{1B}[0m"
    #expect(JobLog.inert(coloured, .styled) == coloured)
    for notation in [JobLog.Notation.text, .document] {
      #expect(JobLog.inert(coloured, notation) == "\u{241B}[1;31merror\u{241B}[0m")
    }
    #expect(JobLog.inert("\u{1B}[8mx\u{1B}[38;5;0my", .styled) == "\u{241B}[8mx\u{241B}[38;5;0my")
    #expect(
      JobLog.inert("\u{1B}]0;title\u{7}\u{1B}[2J\u{1B}[") == "\u{241B}]0;title\u{2407}\u{241B}[2J\u{241B}[")
  }

  @Test(
    "contains no mark that changes the order of displayed text or ends a line",
    arguments: ["\u{202E}", "\u{2066}", "\u{2069}", "\u{200F}", "\u{61C}", "\u{2028}"])
  func marks(_ mark: String) throws {
    for notation in [JobLog.Notation.text, .styled, .document] {
      #expect(JobLog.inert("a\(mark)b", notation) == "a\u{FFFD}b")
    }
    let value: JSON = ["a": .string("x\(mark)")]
    #expect(try JSON.parse(JobLog.inert(value.text(), .json)) == value)
  }

  @Test(
    "without a command is unchanged",
    arguments: [
      "", "std::string::size", "2001:db8::1", "C# [x], ## a heading, ### [link](x)", "a\tb\n  c",
      "section_start: at noon", "connection_x", "“a” … – ‰ é", "日本語 → é\u{301} 👩‍👩‍👧", "#", "##", ":",
      "no ::error:: at the beginning",
    ])
  func untouched(text: String) {
    #expect(JobLog.inert(text) == text)
  }

  @Test("JSON stays the same JSON, and XML stays the same text")
  func notations() throws {
    let value: JSON = ["a": "##[error]x\n::b", "section_start:0:a": ["::c", "##vso[x]"]]
    let shown = JobLog.inert(value.text(pretty: true), .json)
    #expect(!shown.contains("##[") && !shown.contains("##vso[") && !shown.contains("section_start:0"))
    #expect(try JSON.parse(shown) == value)
    #expect(JobLog.inert("<a>\n ::b ##[c]</a>", .xml) == "<a>\n :&#58;b #&#35;[c]</a>")
    #expect(JobLog.inert("::error::kdops' own", .finished) == "::error::kdops' own")
  }

  @Test("an annotation of GitHub contains no command in the older syntax")
  func annotation() {
    let finding = Diagnostic(rule: "x/y", severity: .error, message: "label ##[add-path]/tmp is wrong")
    let text = GitHubAnnotations.render(Report(head: "staged", findings: [finding]))
    #expect(text.hasPrefix("::error title=x/y::label # #[add-path]/tmp is wrong."))
  }
}
