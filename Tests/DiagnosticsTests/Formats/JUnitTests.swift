import Diagnostics
import Testing

@Suite("JUnit")
struct JUnitTests {
  @Test("a report matches the golden file, whatever texts it contains")
  func golden() throws {
    let junit = JUnit { file, _ in file == "clusters/prod/analytics.yaml" ? "  app: <spark>]]>" : nil }
    try expectGolden(junit.render(HostileReport.report), "report.junit.xml")
  }

  @Test("an empty report has one passing case, since readers treat none as a failure")
  func empty() {
    let text = JUnit().render(Report(base: "1", head: "2"))
    #expect(text.contains(#"<testsuites name="kdops validate" tests="1" failures="0" errors="0">"#))
    #expect(text.contains(#"<testcase classname="repository" name="the change as a whole"/>"#))
  }

  @Test("of a whole tree every object is a case; of a change, only changed objects are")
  func cases() {
    let objects = [Report.ObjectVerdict(object: HostileReport.cluster, change: .none, verdict: .unchanged)]
    #expect(JUnit().render(Report(head: "worktree", objects: objects)).contains(#"name="analytics""#))
    #expect(!JUnit().render(Report(base: "1", head: "2", objects: objects)).contains(#"name="analytics""#))
  }

  @Test("the output contains only characters that XML 1.0 allows")
  func characters() {
    let every = String(String.UnicodeScalarView((0...0xFFFF).compactMap(Unicode.Scalar.init)))
    let finding = HostileReport.finding(
      "x/y", .error, every, object: ObjectReference(kind: every, namespace: every, name: every),
      message: every)
    let text = JUnit { _, _ in every }.render(Report(head: every, findings: [finding]))
    let forbidden = text.unicodeScalars.filter {
      ($0.value < 0x20 && $0 != "\n" && $0 != "\t") || $0 == "\u{FFFE}" || $0 == "\u{FFFF}"
    }
    #expect(forbidden.isEmpty)
    #expect(!text.contains("]]>"))
  }
}
