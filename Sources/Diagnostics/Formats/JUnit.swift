/// Renders findings as a JUnit report, which GitLab and Jenkins show as tests.
///
/// A test case is a judged object, or a file from which no object could be read, because each of these has an owner.
/// It fails with all of its findings in one text, because GitLab shows one failure per case. Waiting findings mark it
/// as skipped. Warnings are the output of a case that passes.
///
/// The members are those that GitLab documents (https://docs.gitlab.com/ci/testing/unit_test_reports/) and Jenkins'
/// `junit` step reads.
public struct JUnit {
  private let renderer: HumanRenderer

  /// - Parameter sourceLine: A line of a file as it was judged; nil if not available.
  public init(sourceLine: @escaping (_ file: String, _ line: Int) -> String? = { _, _ in nil }) {
    renderer = HumanRenderer(sourceLine: sourceLine)
  }

  /// The report as text that ends with a line feed.
  public func render(_ report: Report) -> String {
    let cases = JUnitCase.all(of: report)
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    text +=
      "<testsuites\(XMLText.attribute("name", "kdops validate"))\(JUnit.counts(cases, skipped: false))>\n"
    for name in cases.map(\.suite).uniqued() {
      text += suite(name, cases.filter { $0.suite == name }, report)
    }
    return text + "</testsuites>\n"
  }

  private func suite(_ name: String, _ cases: [JUnitCase], _ report: Report) -> String {
    var text = "  <testsuite\(XMLText.attribute("name", name))\(JUnit.counts(cases, skipped: true))>\n"
    text += "    <properties>\n"
    for (name, value) in JUnit.properties(report) {
      text += "      <property\(XMLText.attribute("name", name))\(XMLText.attribute("value", value))/>\n"
    }
    text += "    </properties>\n"
    return text + cases.map(element).joined() + "  </testsuite>\n"
  }

  private func element(_ one: JUnitCase) -> String {
    var tag = "    <testcase" + XMLText.attribute("classname", TerminalText.visible(one.group))
    tag += XMLText.attribute("name", TerminalText.visible(one.name))
    if let file = one.file { tag += XMLText.attribute("file", file) }
    guard let worst = one.worst else { return tag + "/>\n" }
    let words = XMLText.text(one.findings.map(renderer.render).joined(separator: "\n\n"))
    let more = one.findings.count { $0.severity == worst.severity } - 1
    let message = worst.sentence + (more > 0 ? " And \(more) more." : "")
    let attributes = XMLText.attribute("message", message)
    switch worst.severity {
    case .error:
      let type = XMLText.attribute("type", TerminalText.visible(worst.rule))
      return "\(tag)>\n      <failure\(type)\(attributes)>\(words)\n      </failure>\n    </testcase>\n"
    case .waiting:
      return "\(tag)>\n      <skipped\(attributes)>\(words)\n      </skipped>\n    </testcase>\n"
    case .warning: return "\(tag)>\n      <system-out>\(words)\n      </system-out>\n    </testcase>\n"
    }
  }

  private static func counts(_ cases: [JUnitCase], skipped: Bool) -> String {
    func count(_ severity: Severity) -> String { "\(cases.count { $0.worst?.severity == severity })" }
    return XMLText.attribute("tests", "\(cases.count)") + XMLText.attribute("failures", count(.error))
      + XMLText.attribute("errors", "0")
      + (skipped ? XMLText.attribute("skipped", count(.waiting)) : "")
  }

  private static func properties(_ report: Report) -> [(String, String)] {
    var properties = [("head", report.head)]
    if let base = report.base { properties.insert(("base", base), at: 0) }
    properties.append(("status", report.status.commit ?? report.status.source.rawValue))
    if !report.notJudged.isEmpty { properties.append(("notJudged", report.notJudged.joined(separator: " "))) }
    return properties
  }
}

extension Array<String> {
  /// The items without duplicates, in the order of their first occurrence.
  fileprivate func uniqued() -> [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
