import Reports
import Testing

@testable import Forge

@Suite("The outcome in a comment")
struct OutcomeTextTests {
  private func report(_ objects: [ObjectReport], commit: String = "4f2c9ab") -> CommitReport {
    CommitReport(commit: commit + String(repeating: "0", count: 33), objects: objects)
  }

  private func object(_ name: String, _ phase: Phase, message: String? = nil) -> ObjectReport {
    ObjectReport(
      kind: "KubeDirectorCluster", namespace: "prod", name: name, change: .create, verdict: .accepted,
      phase: phase, message: message)
  }

  @Test("lists the objects, the worst first")
  func order() {
    let text = OutcomeText(
      report([object("a", .done), object("b", .failed, message: "ErrImagePull"), object("c", .done)]),
      context: "kdops/default")
    let lines = text.section.split(separator: "\n").map(String.init)
    #expect(lines[0] == "<!-- kdops:outcome kdops%2Fdefault 4f2c9ab\(String(repeating: "0", count: 33)) -->")
    #expect(lines[1] == "#### kdops/default · `4f2c9ab` · failed")
    #expect(lines[2] == "- **prod/b** failed: create (ErrImagePull)")
    #expect(lines[3] == "- **prod/a** done: create")
  }

  @Test("two commits of a merge request have a section each")
  func sections() throws {
    let plan = "<!-- kdops:plan -->\nplan"
    let (first, second) = (
      OutcomeText(report([object("a", .failed)]), context: "c"),
      OutcomeText(report([object("b", .done)], commit: "5a5a5a5"), context: "c")
    )
    let one = try #require(first.merged(into: plan))
    let both = try #require(second.merged(into: one))
    #expect(both.hasPrefix(plan) && first.isIn(both) && second.isIn(both))
    let again = OutcomeText(report([object("a", .done)]), context: "c")
    let replaced = try #require(again.merged(into: both))
    #expect(replaced.contains("**prod/a** done") && !replaced.contains("failed"))
    #expect(replaced.contains("**prod/b** done"))
    #expect(again.merged(into: replaced) == replaced)
  }

  @Test("hostile names and messages neither format, link, mention nor end the section")
  func hostile() {
    let text = OutcomeText(
      report([
        object(
          "<img src=x>", .failed, message: "@all #1 [x](https://evil.example) <!-- kdops:outcome end c -->")
      ]), context: "c")
    let inner = text.section.split(separator: "\n").dropFirst().dropLast().joined()
    for forbidden in ["<", "@all", " #1", "](https://", "https://evil"] {
      #expect(!inner.contains(forbidden), "\(forbidden)")
    }
  }

  @Test("many objects are counted, and a comment that would be too long is left alone")
  func limits() {
    let objects = (0..<50).map { object("c\($0)", .done, message: String(repeating: "x", count: 1000)) }
    let text = OutcomeText(report(objects), context: "c")
    #expect(text.section.contains("and 30 more") && text.section.utf8.count < 10_000)
    #expect(text.merged(into: String(repeating: "x", count: OutcomeText.commentLimit)) == nil)
  }
}
