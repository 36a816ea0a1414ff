/// Findings as the workflow commands of GitHub Actions, which shows them beside the lines of the change.
///
/// Written as the runner reads them: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
/// A command is a line, so no text from a file can begin another one; runners that do not know the command look for
/// one of an older kind anywhere in the line, so those are broken. What waits is a notice.
public enum GitHubAnnotations {
  /// A line a finding, in report order, then a line that counts them. Ends with a line feed.
  public static func render(_ report: Report) -> String {
    var text = ""
    for finding in report.findings.inReportOrder() { text += command(finding) + "\n" }
    let counts = [Severity.error, .waiting, .warning].map { "\($0.rawValue): \(report.count($0))" }
    return text + "kdops validate: \(counts.joined(separator: ", "))\n"
  }

  private static func command(_ finding: Diagnostic) -> String {
    var properties: [(String, String)] = []
    if let place = finding.location {
      properties = [("file", place.file), ("line", "\(place.line)")]
      if place.column > 0 {
        properties += [("col", "\(place.column)"), ("endColumn", "\(place.column + max(place.length, 1))")]
      }
    }
    properties.append(("title", TerminalText.visible(finding.rule)))
    let list = properties.map { "\($0.0)=\(property($0.1))" }.joined(separator: ",")
    return "::\(word(finding.severity)) \(list)::\(data(finding.sentence))"
  }

  private static func word(_ severity: Severity) -> String {
    switch severity {
    case .error: "error"
    case .waiting: "notice"
    case .warning: "warning"
    }
  }

  /// What the runner turns back in the text of a command.
  private static func data(_ text: String) -> String {
    var escaped = ""
    for scalar in JobLog.inert(text).unicodeScalars {
      switch scalar {
      case "%": escaped += "%25"
      case "\r": escaped += "%0D"
      case "\n": escaped += "%0A"
      // The runner reads lines of text, and ends them at none of these; what shows its log may.
      case "\u{0}"..<"\u{20}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
        escaped.unicodeScalars.append(TerminalText.standIn(for: scalar))
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Within a property also the characters that end it.
  private static func property(_ text: String) -> String {
    var escaped = ""
    for scalar in data(text).unicodeScalars {
      switch scalar {
      case ":": escaped += "%3A"
      case ",": escaped += "%2C"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
