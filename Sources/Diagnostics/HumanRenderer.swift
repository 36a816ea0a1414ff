/// Renders findings for users: the line of the file, the marked text in it, and the fix last.
///
/// Control characters in text from files or the cluster are made visible.
public struct HumanRenderer {
  private let colour: Bool
  private let sourceLine: (_ file: String, _ line: Int) -> String?

  /// - Parameters:
  ///   - colour: Whether to add ANSI colours; they never carry meaning alone.
  ///   - sourceLine: A line of a file as it was judged, without its line end; nil if not available, and the finding is
  ///     then shown without it.
  public init(
    colour: Bool = false, sourceLine: @escaping (_ file: String, _ line: Int) -> String? = { _, _ in nil }
  ) {
    self.colour = colour
    self.sourceLine = sourceLine
  }

  /// The findings in report order, separated by empty lines, then the summary; ends with a line feed. If a file has
  /// too many findings, the most severe are shown and the others are counted.
  public func render(_ report: Report) -> String {
    let findings = report.findings.inReportOrder(perFile: FindingLimit.standard).map { render($0) + "\n\n" }
      .joined()
    return findings + summary(report)
  }

  /// One finding, with one fact per line, without a line feed at the end.
  public func render(_ finding: Diagnostic) -> String {
    var lines = [headline(finding)]
    let message = TerminalText.visible(finding.message)
    if !finding.concealsSource, let location = finding.location,
      let source = sourceLine(location.file, location.line)
    {
      let excerpt = SourceExcerpt(line: source, column: location.column, length: location.length)
      let number = String(location.line)
      let gutter = max(number.count, 4)
      let padded = String(repeating: " ", count: gutter - number.count) + number
      lines.append("\(dim("\(padded) |")) \(excerpt.text)")
      let carets = String(repeating: "^", count: excerpt.underline)
      let bar = dim(String(repeating: " ", count: gutter) + " |")
      let indent = String(repeating: " ", count: excerpt.indent)
      lines.append("\(bar) \(indent)\(paint("\(carets) \(message)", finding.severity))")
    } else {
      lines.append("  \(message)")
    }
    if let hint = finding.hint { lines.append("  help: \(TerminalText.visible(hint))") }
    return lines.joined(separator: "\n")
  }

  private func headline(_ finding: Diagnostic) -> String {
    let label = paint("\(finding.severity.rawValue)[\(finding.rule)]", finding.severity)
    if let location = finding.location {
      return "\(label) \(TerminalText.visible(location.file)):\(location.line):\(location.column)"
    }
    guard let object = finding.object else { return label }
    return "\(label) \(TerminalText.visible("\(object.kind) \(object)"))"
  }

  /// The number of findings of each severity, the results for the objects, and the rules that were not judged.
  private func summary(_ report: Report) -> String {
    let counted = [
      (report.count(.error), "error", "errors"), (report.count(.waiting), "waiting", "waiting"),
      (report.count(.warning), "warning", "warnings"),
    ]
    .filter { $0.0 > 0 }.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }
    var lines = [counted.isEmpty ? "no findings" : counted.joined(separator: ", ")]
    if !report.objects.isEmpty {
      var verdicts: [String: Int] = [:]
      for one in report.objects { verdicts[one.verdict.rawValue, default: 0] += 1 }
      let words = verdicts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      lines.append("objects: \(TerminalText.visible(words.joined(separator: ", ")))")
    }
    if !report.notJudged.isEmpty {
      let rules = report.notJudged.joined(separator: ", ")
      lines.append("not judged without the cluster's status: \(rules)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Colour

  private func paint(_ text: String, _ severity: Severity) -> String {
    switch severity {
    case .error: style(text, "1;31")
    case .waiting: style(text, "1;36")
    case .warning: style(text, "1;33")
    }
  }

  private func dim(_ text: String) -> String { style(text, "2") }

  private func style(_ text: String, _ code: String) -> String {
    colour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
