import Testing

@testable import Rules

/// Every rule's examples, evaluated by the real judge.
@Suite("Examples of rules")
struct ExampleTests {
  /// Rules that only the daemon can evaluate have no example here.
  static let ids = RuleRegistry.all.filter { !($0 is any DaemonRule.Type) }.map { $0.id }

  @Test("have a fixture without findings", arguments: [true, false])
  func soundFixture(hasBase: Bool) throws {
    let example = Example(
      title: "", before: hasBase ? [] : nil, edits: [], live: .unknown, policy: nil, history: nil)
    #expect(try ExampleRunner.judge(example).findings.isEmpty)
  }

  @Test("yield nothing if they are passing ones", arguments: ids)
  func passing(id: String) throws {
    let rule = try #require(RuleRegistry.description(of: id))
    for example in rule.passing {
      let findings = try ExampleRunner.judge(example).findings
      #expect(findings.isEmpty, "\(example.title): \(findings)")
    }
  }

  @Test("yield exactly their rule if they are failing ones", arguments: ids)
  func failing(id: String) throws {
    let rule = try #require(RuleRegistry.description(of: id))
    for example in rule.failing {
      let findings = try ExampleRunner.judge(example).findings
      #expect(Set(findings.map(\.rule)) == [id], "\(example.title): \(findings)")
      for finding in findings {
        #expect(finding.location != nil, "\(finding)")
        #expect(!finding.message.hasSuffix("."), "\(finding.message)")
        #expect(
          finding.message.first?.isUppercase == false || finding.message.hasPrefix("Kube"),
          "\(finding.message)")
      }
    }
  }

  @Test(
    "exist of both kinds for every rule, except for links, folders and surplus findings",
    arguments: ids)
  func hasExamples(id: String) throws {
    let rule = try #require(RuleRegistry.description(of: id))
    if ["file/link", "file/tree", "file/more-findings"].contains(id) { return }
    #expect(!rule.passing.isEmpty)
    #expect(!rule.failing.isEmpty)
    #expect(!rule.summary.hasSuffix(".") && rule.rationale.hasSuffix("."))
  }
}
