import Diagnostics
import KubeDirector
import PlanFixture
import Rules
import TestSupport
import Testing
import Values

@testable import Plan

@Suite("The plan of a merge")
struct PlanTests {
  private func cluster(_ name: String, in situation: String) throws -> ClusterPlan {
    try #require(PlanSituations.named(situation).plan.clusters.first { $0.reference.name == name })
  }

  @Test("is written for people, merge requests and programs", arguments: PlanSituations.names)
  func golden(name: String) throws {
    let situation = PlanSituations.named(name)
    let plan = situation.plan
    let text = PlanText(sourceLine: situation.line).render(plan)
    #expect(text == (try Golden.stored("plan-\(name).txt", recording: text)))
    let markdown = PlanMarkdown.render(plan)
    #expect(markdown == (try Golden.stored("plan-\(name).md", recording: markdown)))
    let json = PlanJSON.render(plan)
    #expect(json == (try Golden.stored("plan-\(name).json", recording: json)))
  }

  @Test("names statuses that could not be used, in text and JSON")
  func statusProblems() throws {
    var plan = try #require(PlanSituations.names.first.map { PlanSituations.named($0).plan })
    plan.status.problems = ["refs/kdops/status is not a readable status"]
    #expect(PlanJSON.json(plan)["status"]?["problems"] == ["refs/kdops/status is not a readable status"])
    #expect(PlanText().render(plan).contains("warning: refs/kdops/status is not a readable status"))
  }

  @Test("colours only add to the text", arguments: PlanSituations.names)
  func colour(name: String) {
    let situation = PlanSituations.named(name)
    let plain = PlanText(sourceLine: situation.line).render(situation.plan)
    let coloured = PlanText(isColoured: true, sourceLine: situation.line).render(situation.plan)
    #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
    #expect(coloured != plain)
  }

  @Test("is rejected if any change is, and only then")
  func exit() {
    let rejected = PlanSituations.names.filter { PlanSituations.named($0).plan.isRejected }
    #expect(rejected == ["revert-late", "comes-and-goes"])
  }

  @Test("a revert during the upgrade is a rollback of the touched pods")
  func running() throws {
    let plan = try cluster("analytics", in: "revert-running")
    #expect((plan.change, plan.verdict) == (.rollback, .accepted))
    #expect(plan.forecast?.count(of: .podReverted) == 3)
    #expect(!plan.isAtMost)
    #expect(plan.remarks.first?.contains("2 of 4 pods") == true)
  }

  @Test("a new file that adopts a cluster may adopt a running one, and the plan says so")
  func adoption() throws {
    var situation = PlanSituations.named("unchanged")
    let file = situation.head["clusters/reports.yaml"]
    situation.head["clusters/lake.yaml"] = file?.replacing(
      "name: reports", with: "name: lake, annotations: {kdops.dev/adopt: \"true\"}")
    let lake = situation.plan.clusters.first { $0.reference.name == "lake" }
    let plan = try #require(lake)
    #expect(plan.remarks.first?.hasPrefix("adopts a running cluster of this name, if there is one") == true)
  }

  @Test("a revert without a status may be a rollback, and the plan says so")
  func unknown() throws {
    let plan = try cluster("analytics", in: "revert-unknown")
    #expect(plan.isAtMost)
    #expect(plan.remarks.first?.contains("by the file's history in git") == true)
  }

  @Test("a revert after the end is a downgrade and will be rejected, because the upgrade has finished")
  func late() throws {
    let plan = try cluster("analytics", in: "revert-late")
    #expect((plan.change, plan.verdict) == (.upgrade, .rejected))
    #expect(plan.remarks.first?.contains("has finished") == true)
    #expect(plan.forecast == nil)
  }

  @Test("a waiting change names the upgrade that it waits for, its commit, progress and stall reason")
  func waits() throws {
    let words = PlanWords.waits(try cluster("ledger", in: "behind-stall")).joined()
    for fact in ["kafka-3.7.0 → kafka-3.7.1", "1d0e77c", "1 of 3 pods", "ErrImagePull"] {
      #expect(words.contains(fact))
    }
  }

  @Test("a cluster whose base has billions of members is not simulated, and the plan says so")
  func billions() throws {
    let reference = ObjectReference.cluster("prod", "reports")
    let plan = PlanSituations.replacing("clusters/reports.yaml", "members: 1", with: "members: 2000000000")
      .plan
    let reports = try #require(plan.clusters.first { $0.reference == reference })
    #expect(reports.verdict == .accepted)
    #expect(reports.forecast == nil)
    #expect(reports.remarks.contains { $0.contains("more than the 1000") })
  }

  @Test("simulation has a limit, and the plan names the clusters beyond it")
  func effort() throws {
    let situation = PlanSituations.named("upgrade-many")
    let whole = situation.plan.clusters
    #expect(whole.count == 3 && whole.allSatisfy { $0.forecast != nil })
    // The first of them takes twenty-five, the square of its members.
    let part = situation.planned(effort: 30).plan.clusters
    #expect(part.count { $0.forecast != nil } < 3 && part.contains { $0.forecast != nil })
    for cluster in part where cluster.forecast == nil {
      #expect(
        cluster.verdict == .accepted && cluster.remarks.contains { $0.contains("too many members together") })
    }
  }

  // MARK: Markdown

  @Test("no name can format text, make a link or mention a user")
  func escaping() {
    let hostile =
      "a|b `c` <img src=x> @team #12 !3 *x* _y_ [z](https://evil.example) &amp; \u{1B}[31m\u{202E}\nq"
    let shown = MarkdownText.escaped(hostile)
    #expect(shown.contains("\\|") && !shown.contains("<") && !shown.contains("\n"))
    for call in ["@team", "#12", "!3", "https://", "*x", "[z"] { #expect(!shown.contains(" \(call)")) }
    #expect(!shown.unicodeScalars.contains("\u{1B}") && !shown.unicodeScalars.contains("\u{202E}"))
  }

  @Test("text to copy is unchanged, whatever backticks it contains")
  func code() {
    #expect(MarkdownText.code("git revert a~1") == "`git revert a~1`")
    #expect(MarkdownText.code("add `x`") == "`` add `x` ``")
  }

  @Test("a combining mark after a special character does not prevent its escape")
  func combiningMarks() {
    let hostile =
      "<\u{301}img src=x> @\u{301}team https:/\u{2F}\u{301}evil.example www.\u{301}evil.example WWW.evil.example"
    let scalars = Array(MarkdownText.escaped(hostile).unicodeScalars)
    for sign in ["<", ">"] as [Unicode.Scalar] { #expect(!scalars.contains(sign)) }
    for start in ["://", "www.", "WWW.", "@\u{301}"] {
      #expect(!scalars.contains(Array(start.unicodeScalars)))
    }
    for name in ["x`\u{301} @team <img src=x>", "`\u{301}``\u{301} @team", "`\u{200D}@team"] {
      let code = MarkdownText.code(name)
      let fence = code.unicodeScalars.prefix { $0 == "`" }.count
      let inside = Array(code.unicodeScalars.dropFirst(fence).dropLast(fence))
      #expect(!inside.split { $0 != "`" }.contains { $0.count == fence })
    }
  }

  @Test("a long plan is cut to the forge's limit, and says how much is omitted")
  func long() {
    var plan = PlanSituations.named("upgrade").plan
    let one = plan.clusters[0]
    plan.clusters = (0..<2_000).map { number in
      var copy = one
      copy.reference.name = "cluster-\(number)"
      copy.changes = ["roles[\(number)]"]
      return copy
    }
    plan.clusters[1_999].verdict = .rejected
    let text = PlanMarkdown.render(plan)
    #expect(text.utf8.count <= PlanMarkdown.limit)
    #expect(text.hasPrefix(PlanMarkdown.marker))
    #expect(text.contains("more, which `kdops plan` shows"))
    #expect(text.contains("cluster-1999"))
    #expect(text.contains("1999 upgrades"))
  }

  @Test("clusters with equal results share a row")
  func alike() {
    var plan = PlanSituations.named("upgrade").plan
    let one = plan.clusters[0]
    plan.clusters = (0..<2_000).map { number in
      var copy = one
      copy.reference.name = "cluster-\(number)"
      return copy
    }
    plan.clusters[7].verdict = .rejected
    let rows = PlanMarkdown.render(plan).split(separator: "\n").filter { $0.hasPrefix("| prod/cluster") }
    #expect(rows.count == 2)
    #expect(rows.first?.contains("**rejected**") == true)
    #expect(rows.last?.contains("prod/cluster-0, prod/cluster-1") == true)
    #expect(rows.last?.contains(" and 1991 more |") == true)
  }

  @Test("a range of ordinals is written by its ends")
  func ordinals() {
    #expect(PlanWords.ordinals([3, 2, 1, 0]) == "3 2 1 0")
    #expect(PlanWords.ordinals(Array((0..<100).reversed())) == "99 … 0")
    #expect(PlanWords.ordinals([9, 7, 6, 5, 4, 3, 2, 1, 0]) == "9 7 6 5 4 3 2 1 0")
  }
}
